"""What the widgets have in common.

Traits carry intention and selection, and nothing else: what is shown comes from the page's live
store, so that logs, progress and Cancel work while a cell runs. No method here is a callback, so
that it does not matter in which thread messages of the browser are handled.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from ipywidgets.widgets.domwidget import DOMWidget
from traitlets import Unicode

from ccp_jupyter.client.method import Method
from ccp_jupyter.client.record import Record
from ccp_jupyter.widgets.summary import Summary, as_html, as_text

MODULE = "ccp-jupyter"
"""Name of the JavaScript module: that of the labextension."""
_VERSION = f"^{version(MODULE)}"
_HTML = "text/html"
_TEXT = "text/plain"


class Id(Unicode[str, Any]):
    """The id of a Method or of an Execution; these themselves are taken too."""

    info_text = "an id, a Method or an Execution"

    def validate(self, obj: Any, value: Any) -> str:
        """Return the id."""
        return super().validate(obj, value.id if isinstance(value, Method | Record) else value)


class CcpWidget(DOMWidget):
    """Base of the widgets: one view of the labextension in a cell."""

    _model_name = Unicode("CcpModel").tag(sync=True)
    _model_module = Unicode(MODULE).tag(sync=True)
    _model_module_version = Unicode(_VERSION).tag(sync=True)
    _view_name = Unicode("CcpView").tag(sync=True)
    _view_module = Unicode(MODULE).tag(sync=True)
    _view_module_version = Unicode(_VERSION).tag(sync=True)
    view = Unicode(read_only=True, help="Name of the view.").tag(sync=True)

    _steered: tuple[str, ...] = ()
    """Traits that a reader wants to see."""

    def _given(self) -> dict[str, Any]:
        """Return the traits that have a value."""
        values = {name: getattr(self, name) for name in self._steered}
        return {name: value for name, value in values.items() if value not in ("", None)}

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self._given().items())
        return f"{type(self).__name__}({given})"

    def _summary(self) -> Summary:
        """Return what to show where no kernel and no extension run."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Return the live widget, and what stays readable of it in a saved notebook."""
        bundle = super()._repr_mimebundle_() or {}  # type: ignore[no-untyped-call]
        summary = self._summary()
        return {**bundle, _TEXT: as_text(summary, repr(self)), _HTML: as_html(summary)}
