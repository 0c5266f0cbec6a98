"""The JupyterHub service: API, controller, scheduler, engines, store, vault."""

import sys
from typing import Any, cast

# What libraries load when it is installed, though a service never needs it; all of them can do
# without. 25 MB of memory, and a second at each start.
_NEEDLESS = (
    # jsonschema: a grammar for formats that the service checks itself (model/formats.py).
    "rfc3987_syntax",
    # jsonschema again: durations, with arrow.
    "isoduration",
    # httpx: its command line, with rich, click and pygments.
    "httpx._main",
    # mako, for alembic: colours in tracebacks of templates, with pygments.
    "mako.ext.pygmentplugin",
)
for _name in _NEEDLESS:
    cast("dict[str, Any]", sys.modules).setdefault(_name, None)
