"""Fixtures for all layers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.files import file_server
from tests.stack.engines import CannotStart, check_installed
from tests.stack.stack import Stack


def missing(what: str) -> None:
    """Fail in CI, skip elsewhere, because a test needs something that this machine lacks."""
    __tracebackhide__ = True
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have it: {what}")
    pytest.skip(f"MISSING: {what}")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack with two Nodes for the whole session; tests that kill things start their own."""
    try:
        check_installed()
        stack = Stack.up(stack_folder(tmp_path_factory), nodes=2, **stack_options())
    except (CannotStart, FileNotFoundError) as error:
        missing(str(error))
        raise
    try:
        yield stack
    finally:
        stack.down()


@pytest.fixture(scope="session")
def files() -> Iterator[str]:
    """Return the address of a web server for linked inputs (`tests.files`)."""
    with file_server() as address:
        yield address


def stack_options() -> dict[str, Any]:
    """Return arguments of `Stack.up` that the environment changes for a whole run.

    CCP_TEST_STORE=mongodb lets all tests run on MongoDB, CCP_TEST_SERVICES=2 with two service
    processes.
    """
    return {
        "store": os.environ.get("CCP_TEST_STORE", "sqlite"),
        "services": int(os.environ.get("CCP_TEST_SERVICES", "1")),
    }


def stack_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a new folder for a stack."""
    return tmp_path_factory.mktemp("stack")
