"""A stack of its own for each module: what is killed here must not disturb other tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import missing, stack_folder, stack_options
from tests.jobs import Caller
from tests.stack.engines import CannotStart, check_installed
from tests.stack.stack import Stack


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Stack]:
    """Start a stack as the module's ``STACK`` (arguments of `Stack.up`) says."""
    options = {**stack_options(), **getattr(request.module, "STACK", {})}
    try:
        check_installed()
        stack = Stack.up(stack_folder(tmp_path_factory), **options)
    except (CannotStart, FileNotFoundError) as error:
        missing(str(error))
        raise
    try:
        yield stack
    finally:
        stack.down()


@pytest.fixture
def alice(stack: Stack) -> Iterator[Caller]:
    """Return alice, who runs things; the service is up when a test begins."""
    stack.start_service()
    caller = Caller(stack.service_url, stack.users["alice"])
    yield caller
    caller.close()
