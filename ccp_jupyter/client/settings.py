"""Where the service is, who asks, and where the workspace begins."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from ccp_jupyter.client.errors import NotConfigured

URL_VARIABLE = "CCP_SERVICE_URL"
TOKEN_VARIABLE = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - a name, not a token
WORKSPACE_VARIABLE = "CCP_WORKSPACE"


def service_url(url: str | None) -> str:
    """Return the service's address with a slash at its end.

    Parameters
    ----------
    url : str, optional
        Default: the environment's ``CCP_SERVICE_URL``.

    Raises
    ------
    NotConfigured
        None is known, or it is not a plain http(s) address.
    """
    found = url or os.environ.get(URL_VARIABLE, "")
    if not found:
        raise NotConfigured(
            "the address of the service is not known: give url=… or set the environment variable"
            f" {URL_VARIABLE} (and {TOKEN_VARIABLE}, or token=…, for your token);"
            " a server started by the hub has both"
        )
    try:
        parts = urlsplit(found)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise NotConfigured("url: must be an http(s) address (it cannot be parsed)") from None
    if parts.scheme not in ("http", "https") or not host:
        raise NotConfigured(
            "url: must be an http(s) address such as https://hub.example.org/services/ccp/"
            f" (found scheme {parts.scheme!r})"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        # They would end in logs and tracebacks; the token has its own parameter.
        raise NotConfigured("url: must have no user, query or fragment; give the token as token=…")
    return found.rstrip("/") + "/"


def hidden(token: str | SecretStr | None) -> SecretStr | None:
    """Return a token in a form that no traceback or repr shows; None for none."""
    if token is None or isinstance(token, SecretStr):
        return token
    return SecretStr(token)


def keepable(value: str | SecretStr) -> SecretStr:
    """Return a secret value in a form that no traceback or repr shows.

    Raises
    ------
    TypeError
        It is no text.
    """
    if not isinstance(value, str | SecretStr):
        raise TypeError(f"a secret must be a text, not {type(value).__name__}")
    return value if isinstance(value, SecretStr) else SecretStr(value)


def service_token(token: SecretStr | None) -> SecretStr:
    """Return the caller's token.

    Parameters
    ----------
    token : SecretStr, optional
        Default: the environment's ``JUPYTERHUB_API_TOKEN``.

    Raises
    ------
    NotConfigured
        None is known, or it holds characters that no HTTP header can carry.
    """
    found = token or SecretStr(os.environ.get(TOKEN_VARIABLE, ""))
    if not found.get_secret_value():
        raise NotConfigured(
            "no token for the service: give token=… (make one on the hub's token page) or set the"
            f" environment variable {TOKEN_VARIABLE} (the address goes to url=… or {URL_VARIABLE})"
        )
    if not found.get_secret_value().isprintable() or not found.get_secret_value().isascii():
        raise NotConfigured("token: must be printable ASCII text; was it cut or pasted wrongly?")
    return found


def workspace() -> Path:
    """Return the root of the workspace: ``CCP_WORKSPACE``, else the current folder."""
    return Path(os.environ.get(WORKSPACE_VARIABLE) or ".").absolute()
