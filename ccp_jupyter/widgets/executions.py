"""The Execution monitor, and one Execution by itself."""

from __future__ import annotations

from traitlets import Unicode

from ccp_jupyter.client import html
from ccp_jupyter.widgets.summary import MOST_ROWS, Summary, asked, pairs, shortened
from ccp_jupyter.widgets.widget import CcpWidget, Id


class ExecutionMonitor(CcpWidget):
    """Your Executions: what waits, runs, and has ended.

    It goes on while a cell runs, and so do its buttons.

    Parameters
    ----------
    execution_id : str or Execution
        Id of the Execution that is selected; empty for none. Follows clicks.
    status : str
        Only Executions with this status: ``accepted``, ``running``, ``successful``, ``failed`` or
        ``dismissed``; empty for all.
    filter : str
        Only Executions with this text in title, note, id or message.

    Examples
    --------
    >>> monitor = ExecutionMonitor(status="running")
    >>> monitor
    ExecutionMonitor(status='running')
    >>> monitor.status = ""
    """

    view = Unicode("monitor", read_only=True).tag(sync=True)
    execution_id = Id(help="Id of the selected Execution; empty: none.").tag(sync=True)
    status = Unicode(help="Only Executions with this status; empty: all.").tag(sync=True)
    filter = Unicode(help="Only Executions with this text.").tag(sync=True)

    _steered = ("execution_id", "status", "filter")

    def _summary(self) -> Summary:
        rows = pairs({"Selected": self.execution_id, "Status": self.status, "Filter": self.filter})
        found = asked(lambda client: client.executions(self.status or None, limit=MOST_ROWS + 1))
        if found is None:
            return Summary("Executions", rows)
        return Summary("Executions", rows, shortened(found, html.executions))


class ExecutionDisplay(CcpWidget):
    """One Execution: its state, log and outputs.

    Parameters
    ----------
    execution_id : str or Execution
        Its id.

    Examples
    --------
    >>> ExecutionDisplay(execution_id="5c0d4d0e")
    ExecutionDisplay(execution_id='5c0d4d0e')
    """

    view = Unicode("execution", read_only=True).tag(sync=True)
    execution_id = Id(help="Id of the Execution.").tag(sync=True)

    _steered = ("execution_id",)

    def _summary(self) -> Summary:
        rows = pairs({"Execution": self.execution_id})
        if not self.execution_id:
            return Summary("Execution", rows)
        found = asked(lambda client: client.execution(self.execution_id))
        return Summary("Execution", rows, html.execution(found) if found else "")
