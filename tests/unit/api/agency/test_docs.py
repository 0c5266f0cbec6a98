"""The page on the agency's API names every route, parameter and option, with its default."""

from __future__ import annotations

import re

import pytest

from ccp_jupyter.hub_service.api.agency.routes import AGENCY_ROUTES
from ccp_jupyter.hub_service.api.services import Options
from tests.stack.hub import repository

PAGE = (repository() / "docs/agency-api.md").read_text()
ROUTES = [(verb, route.path) for route in AGENCY_ROUTES for verb in route.operations]


@pytest.mark.parametrize(("verb", "path"), ROUTES)
def test_routes(verb, path):
    short = path.removeprefix("agency").replace("{stream}", "stdout")
    short = re.sub(r"\{\w+_id\}", "ID", short)
    named = rf"{verb} (/[\w/?=&]*`(\*\*)?, (\*\*)?`({verb} )?)*{re.escape(short)}[`?]"
    assert re.search(named, PAGE), f"{verb} {short}"


@pytest.mark.parametrize(
    "name", sorted({p.name for r in AGENCY_ROUTES for o in r.operations.values() for p in o.query})
)
def test_parameters(name):
    assert re.search(rf"[`?&]{name}[=`]", PAGE)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("num_login_attempts", 10),
        ("block_for_seconds", 30),
        ("access_token_expires", 900),
        ("refresh_token_expires", 12 * 3600),
        ("tokens_valid_for_seconds", None),
        ("agency_origins", None),
        ("trusted_proxies", None),
    ],
)
def test_options(option, said):
    assert f"`{option}`" in PAGE
    if said is not None:
        assert getattr(Options(), option) == said
