"""A science gateway inside Jupyter: run Methods on remote container engines."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

__all__ = ["AsyncClient", "Client", "__version__"]


def __getattr__(name: str) -> Any:
    # Lazy: importing the package must stay cheap for the service and the server extension.
    if name in ("AsyncClient", "Client"):
        from ccp_jupyter import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from ccp_jupyter.server_ext.app import CcpExtension

    return [{"module": "ccp_jupyter", "app": CcpExtension}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "ccp-jupyter"}]
