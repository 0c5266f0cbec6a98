"""A Jupyter server with the extension, started as the hub starts it.

pytest-jupyter's fixtures are imported one by one: as a plugin it would run every coroutine test of
the whole suite in its own way, which pytest-asyncio does here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_asyncio
from pytest_jupyter.jupyter_core import (  # noqa: F401
    echo_kernel_spec,
    jp_config_dir,
    jp_data_dir,
    jp_env_config_path,
    jp_env_jupyter_path,
    jp_environ,
    jp_home_dir,
    jp_kernel_dir,
    jp_runtime_dir,
    jp_system_config_path,
    jp_system_jupyter_path,
)
from pytest_jupyter.jupyter_server import (  # noqa: F401
    jp_argv,
    jp_auth_header,
    jp_base_url,
    jp_configurable_serverapp,
    jp_fetch,
    jp_http_port,
    jp_logging_stream,
    jp_nbconvert_templates,
    jp_root_dir,
    jp_server_cleanup,
    jp_web_app,
    jp_ws_fetch,
)
from pytest_jupyter.pytest_tornasync import (  # noqa: F401
    http_server,
    http_server_client,
    http_server_port,
)
from tornado.httpclient import HTTPClientError

from tests.unit.client.peer import TOKEN, Peer, answer, running, sse


@pytest_asyncio.fixture
async def jp_asyncio_loop():
    return asyncio.get_running_loop()


@pytest.fixture
def jp_serverapp(request, jp_server_config, jp_argv, jp_asyncio_loop):  # noqa: F811
    """The server, with its extensions started, after the environment that they find is there."""
    if "outside_of_a_hub" not in request.fixturenames:
        request.getfixturevalue("peer")
    make = request.getfixturevalue("jp_configurable_serverapp")
    app = make(config=jp_server_config, argv=jp_argv)
    jp_asyncio_loop.run_until_complete(app._post_start())
    return app


@pytest.fixture
def peer(monkeypatch) -> Iterator[Peer]:
    """The service; a server that starts afterwards finds it as the hub would tell."""
    with running() as peer:
        peer.on("GET", "events", sse([], "hang"))
        peer.on("GET", "jobs", answer({"jobs": []}))
        monkeypatch.setenv("CCP_SERVICE_URL", peer.url)
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", TOKEN)
        monkeypatch.delenv("CCP_WORKSPACE", raising=False)
        yield peer


@pytest.fixture
def jp_server_config():
    # False: a handler verb without an authentication decorator is warned about, and so fails.
    return {
        "ServerApp": {
            "jpserver_extensions": {"ccp_jupyter": True, "jupyter_server_terminals": False},
            "allow_unauthenticated_access": False,
        },
        "CcpExtension": {"max_upload_size": 1_000_000, "max_file_size": 1000, "timeout": 5},
    }


@pytest.fixture
def call(peer, jp_fetch):  # noqa: F811
    """Call the extension: `status, document = await call("POST", "fetch/j1")`."""

    async def call(verb: str, path: str, body: object = None, **options):
        if verb in ("POST", "PUT", "PATCH") and "body_producer" not in options:
            options.setdefault("body", json.dumps(body if body is not None else {}))
        try:
            reply = await jp_fetch("ccp_jupyter", *path.split("/"), method=verb, **options)
        except HTTPClientError as error:
            assert error.response is not None
            reply = error.response
        try:
            return reply.code, json.loads(reply.body)
        except ValueError:
            return reply.code, reply.body

    return call


@pytest.fixture
def heard(jp_serverapp):
    """Everything that the extension says on the event bus: (kind, data)."""
    found: list[tuple[str, dict[str, Any]]] = []

    async def listen(logger, schema_id: str, data: dict[str, Any]) -> None:
        found.append((schema_id.split(":")[3], data))

    for kind in ("execution", "connection", "fetch"):
        schema = f"urn:ccp:events:{kind}:v1"
        jp_serverapp.event_logger.add_listener(schema_id=schema, listener=listen)
    return found


async def until(condition, seconds: float = 10) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)
