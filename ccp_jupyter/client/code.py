"""Code that submits a request again: calls that both faces of the client share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ccp_jupyter.client.async_methods import AsyncMethods, MethodLike
from ccp_jupyter.client.inputs import execute_body
from ccp_jupyter.client.transport import Call, Transport, path_of


class WritesCode(AsyncMethods):
    """The part of `AsyncClient` that asks for code."""

    async def code(
        self,
        method: MethodLike,
        language: str = "python",
        /,
        *,
        replicas: int | None = None,
        max_time: int | None = None,
        note: str | None = None,
        image: str | None = None,
        outputs: Iterable[str] | Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        **named: Any,
    ) -> str:
        """Return code that does what `AsyncClient.run` would do, and fetches the outputs.

        Nothing secret is in it: it takes secrets from the environment, or else asks for them.

        Parameters
        ----------
        method : Method or str
            What to run.
        language : str
            ``python``, ``r``, ``julia``, ``bash`` or ``notebook``.
        replicas, max_time, note, image, outputs, inputs, **named
            As for `AsyncClient.run`.

        Raises
        ------
        InvalidRequest
            Names everything that is wrong with the inputs.
        ServiceError
            There is no such language.
        """
        described = await self.method(method)
        controls = {"replicas": replicas, "max_time": max_time, "note": note, "image": image}
        body = execute_body(described, named, inputs, controls, outputs)
        path = path_of("processes", described.id, "code")
        call = Call("POST", path, {"language": language}, body=body, repeatable=True)
        return (await self._transport.answer(call)).content.decode()


async def of_execution(transport: Transport, execution_id: str, language: str) -> str:
    """Ask for code that submits the request of an Execution again."""
    call = Call("GET", path_of("jobs", execution_id, "code"), {"language": language})
    return (await transport.answer(call)).content.decode()
