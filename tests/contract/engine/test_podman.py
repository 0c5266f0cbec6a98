"""Podman without root as an engine: the suite's essential tests, on a real one.

Its user has no cgroups on a machine with their first version, so limits are not kept there: podman
says so in its log. With the second version and a session of systemd they are.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.engine.conftest import needed
from tests.contract.engine.test_calls import (  # noqa: F401
    test_a_life,
    test_environment_and_labels_come_through,
    test_image_that_is_not_there,
    test_image_without_the_command,
    test_no_network,
)
from tests.contract.engine.test_events import test_a_life as test_events_of_a_life  # noqa: F401
from tests.contract.engine.test_limits import test_no_capabilities  # noqa: F401
from tests.contract.engine.test_logs import (  # noqa: F401
    test_logs_of_nothing,
)
from tests.contract.engine.test_neighbours import (  # noqa: F401
    test_a_token_stays_until_it_is_removed,
    test_the_clock_of_the_machine,
    token,
)
from tests.stack.podman import Podman, podman


@pytest.fixture(scope="module")
def server() -> Iterator[Podman]:
    with needed():
        context = podman()
        found = context.__enter__()
    try:
        with needed():
            found.load(["shell", "noshell"])
        yield found
    finally:
        context.__exit__(None, None, None)
