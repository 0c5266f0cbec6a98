"""For whom images are that somebody's login fetched."""

from __future__ import annotations

from typing import cast

import pytest
from pydantic import SecretStr

from ccp_jupyter.hub_service.controller.logins import registry_of
from ccp_jupyter.hub_service.controller.nodes.images import NodeImages, PrivateImages
from ccp_jupyter.hub_service.engines.base import (
    Credentials,
    Engine,
    Image,
    NoAccess,
    RegistryUnreachable,
)

GOOD = Credentials("alice", SecretStr("right"))
WRONG = Credentials("alice", SecretStr("wrong"))


class Registry:
    """An engine as far as `NodeImages` uses it, with a registry behind it that wants a login."""

    def __init__(self, private=True):
        self.private = private
        self.reachable = True
        self.pulls = []
        self.has = set()

    async def find_image(self, reference):
        return Image("id", None, (reference,)) if reference in self.has else None

    async def pull(self, reference, credentials=None):
        self.pulls.append(credentials)
        if not self.reachable:
            raise RegistryUnreachable("away")
        if self.private and credentials != GOOD:
            raise NoAccess("login wanted")
        self.has.add(reference)
        return Image("id", None, (reference,))


def node_images(registry: Registry, private: PrivateImages) -> NodeImages:
    return NodeImages(cast("Engine", registry), private)


async def call(do):
    return await do()


async def ensure(images, credentials=None, refresh=False):
    async def login():
        return credentials

    async def pulling():
        pass

    return await images.ensure(call, "r.org/x:1", login, pulling, refresh=refresh)


async def test_what_a_login_fetched_is_not_for_others(tmp_path):
    registry = Registry()
    images = node_images(registry, PrivateImages(tmp_path / "private"))
    await ensure(images, GOOD)
    for other in (None, WRONG):
        with pytest.raises(NoAccess):
            await ensure(images, other)
    await ensure(images, GOOD)
    assert registry.pulls == [GOOD, None, WRONG]


async def test_that_is_known_after_a_restart_and_on_other_nodes(tmp_path):
    registry = Registry()
    await ensure(node_images(registry, PrivateImages(tmp_path / "private")), GOOD)
    again = node_images(registry, PrivateImages(tmp_path / "private"))
    with pytest.raises(NoAccess):
        await ensure(again)


async def test_an_open_image_that_is_there_costs_no_question():
    registry = Registry(private=False)
    registry.has.add("r.org/x:1")
    images = node_images(registry, PrivateImages(None))
    await ensure(images)
    await ensure(images)
    assert registry.pulls == []


async def test_who_wants_the_newest_asks_once_a_minute():
    registry = Registry(private=False)
    images = node_images(registry, PrivateImages(None))
    for _ in range(5):
        await ensure(images, refresh=True)
    assert registry.pulls == [None]


async def test_without_the_registry_what_is_there_is_used_by_those_who_may(tmp_path):
    registry = Registry()
    images = node_images(registry, PrivateImages(None))
    await ensure(images, GOOD)
    registry.reachable = False
    await ensure(images, GOOD)
    for other in (None, WRONG):
        with pytest.raises(RegistryUnreachable):
            await ensure(images, other)


async def test_an_open_image_outlives_its_registry():
    registry = Registry(private=False)
    registry.has.add("r.org/x:1")
    registry.reachable = False
    assert await ensure(node_images(registry, PrivateImages(None)), refresh=True)


@pytest.mark.parametrize(
    ("image", "host"),
    [
        ("busybox", "docker.io"),
        ("library/busybox:1", "docker.io"),
        ("r.example.org/a/b:1", "r.example.org"),
        ("r:5000/a", "r:5000"),
        ("localhost/a", "localhost"),
        ("a.b", "docker.io"),
    ],
)
def test_registry_of(image, host):
    assert registry_of(image) == host
