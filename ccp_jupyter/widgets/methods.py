"""The Method list and the Method editor."""

from __future__ import annotations

from typing import Any

from traitlets import Dict, Unicode

from ccp_jupyter.client import html
from ccp_jupyter.client.method import Method
from ccp_jupyter.widgets.summary import Summary, asked, pairs, shortened
from ccp_jupyter.widgets.widget import CcpWidget, Id


class MethodList(CcpWidget):
    """The Methods that you may run, to search and to choose from.

    Parameters
    ----------
    selected : str or Method
        Id of the Method that is selected; empty for none. Follows clicks.
    search : str
        What is searched for.
    category : str
        Only Methods of this category; empty for all.

    Examples
    --------
    >>> methods = MethodList(search="statistics")
    >>> methods
    MethodList(search='statistics')

    What the user selects is read where it is needed …

    >>> methods.selected
    ''

    … or steers another widget: a form that always shows the selected Method.

    >>> from ipywidgets import HBox, link
    >>> from ccp_jupyter.widgets import ExecutionForm
    >>> form = ExecutionForm()
    >>> _ = link((methods, "selected"), (form, "method"))
    >>> methods.selected = "column-statistics"
    >>> form.method
    'column-statistics'
    """

    view = Unicode("methods", read_only=True).tag(sync=True)
    selected = Id(help="Id of the selected Method; empty: none.").tag(sync=True)
    search = Unicode(help="What is searched for.").tag(sync=True)
    category = Unicode(help="Only Methods of this category; empty: all.").tag(sync=True)

    _steered = ("selected", "search", "category")

    def _summary(self) -> Summary:
        rows = pairs({"Selected": self.selected, "Search": self.search, "Category": self.category})
        found = asked(lambda client: client.methods(self.search))
        if found is None:
            return Summary("Methods", rows)
        matching = [each for each in found if self.category in ("", *_categories(each))]
        return Summary("Methods", rows, shortened(matching, html.methods))


class MethodEditor(CcpWidget):
    """Describe a Method, or change one.

    Parameters
    ----------
    method : str or Method
        Id of the Method to edit; empty for a new one.
    document : dict, optional
        The Method as it stands in the editor, saved or not. Follows what is typed; set it to fill
        the editor. None as long as there is nothing in it.

    Examples
    --------
    >>> editor = MethodEditor(document={"title": "Word count", "version": "1.0.0"})
    >>> editor.document["title"]
    'Word count'
    >>> editor.document = {**editor.document, "version": "1.0.1"}
    """

    view = Unicode("editor", read_only=True).tag(sync=True)
    method = Id(help="Id of the Method to edit; empty: a new one.").tag(sync=True)
    document = Dict(allow_none=True, default_value=None, help="The Method as it is typed.").tag(
        sync=True
    )

    _steered = ("method",)

    def _summary(self) -> Summary:
        if self.document:
            return Summary("Method editor", (), html.method(Method(self.document)))
        rows = pairs({"Method": self.method})
        if not self.method:
            return Summary("Method editor", rows)
        found = asked(lambda client: client.method(self.method))
        return Summary("Method editor", rows, html.method(found) if found else "")


def _categories(method: Method) -> list[Any]:
    entries = method.document.get("metadata") or []
    return [each.get("title") for each in entries if each.get("role") == "category"]
