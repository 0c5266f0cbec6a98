"""The Execution form."""

from __future__ import annotations

from traitlets import Dict, List, Unicode

from ccp_jupyter.client import html
from ccp_jupyter.client.method import Method
from ccp_jupyter.widgets.summary import Summary, asked, pairs
from ccp_jupyter.widgets.widget import CcpWidget, Id


class ExecutionForm(CcpWidget):
    """Give a Method its inputs and run it.

    Parameters
    ----------
    method : str or Method
        Id of the Method; empty lets the user choose one.
    inputs : dict, optional
        Values by input, as in an execute request. Follows what is typed, except for secrets, which
        never leave the browser for the kernel; set it to fill the form.
    outputs : list of str, optional
        Ids of the outputs to keep; None for all.
    from_ : str or Execution
        Id of an Execution whose inputs fill the form.
    execution_id : str or Execution
        Id of the Execution that was started last; empty before.

    Examples
    --------
    >>> form = ExecutionForm(method="column-statistics", inputs={"column": "temperature"})
    >>> form.inputs
    {'column': 'temperature'}

    When the user has pressed Execute:

    >>> from ccp_jupyter import Client
    >>> execution = Client().execution(form.execution_id)  # doctest: +SKIP
    """

    view = Unicode("form", read_only=True).tag(sync=True)
    method = Id(help="Id of the Method; empty: the user chooses.").tag(sync=True)
    inputs = Dict(allow_none=True, default_value=None, help="Values by input.").tag(sync=True)
    outputs = List(
        Unicode(), allow_none=True, default_value=None, help="Outputs to keep; None: all."
    ).tag(sync=True)
    from_ = Id(help="Id of an Execution whose inputs fill the form.").tag(sync=True)
    execution_id = Id(help="Id of the Execution that was started last.").tag(sync=True)

    # Not the inputs: there may be secrets among them, and a repr ends in notebooks and logs.
    _steered = ("method", "from_", "execution_id")

    def _summary(self) -> Summary:
        rows = pairs(
            {
                "Method": self.method,
                "Filled from Execution": self.from_,
                "Started Execution": self.execution_id,
            }
        )
        if not self.method:
            return Summary("Run a Method", rows)
        found = asked(lambda client: client.method(self.method))
        if found is None:
            given = (("Inputs given", ", ".join(self.inputs)),) if self.inputs else ()
            return Summary("Run a Method", (*rows, *given))
        return Summary("Run a Method", (*rows, *self._harmless(found)), html.method(found))

    def _harmless(self, method: Method) -> tuple[tuple[str, object], ...]:
        """Return the inputs that were given and that the Method declares to be no secrets."""
        return tuple(
            (f"Input {name}", "(secret)" if each.is_secret else self.inputs[name])
            for name, each in method.inputs.items()
            if self.inputs and name in self.inputs
        )
