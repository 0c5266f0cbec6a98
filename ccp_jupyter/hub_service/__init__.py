"""The JupyterHub service: API, controller, scheduler, engines, store, vault."""

import sys
from typing import Any, cast

# jsonschema loads this when it is installed: a grammar of 16 MB and a second at each start, for
# formats that the service checks itself (model/formats.py).
cast("dict[str, Any]", sys.modules).setdefault("rfc3987_syntax", None)
