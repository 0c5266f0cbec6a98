"""Methods and Executions in the workspace: written, listed, imported."""

from __future__ import annotations

import json

import pytest

from tests.unit.client import zips
from tests.unit.client.peer import answer, status
from tests.unit.exchange.folders import STATUS, a_folder, a_method

METHOD = {**a_method(), "title": "Copy / it"}
REPORT = {
    "results": [
        {
            "name": "",
            "kind": "execution",
            "outcome": "refused",
            "notes": ["a note"],
            "problems": [{"member": "metadata/method.json", "rule": "100% wrong", "value": ""}],
        }
    ]
}


def folder_zip(exported: str) -> bytes:
    folder = {"metadata__folder": {"format": "ccp-execution", "exported": exported}}
    return zips.make(a_folder(**folder))


@pytest.fixture
def service(peer):
    peer.on("GET", "processes/copy/export", answer(METHOD))
    peer.on("GET", "jobs/j1", answer({**status("successful"), "title": "<b>Copy"}))
    peer.on("GET", "jobs/j1/folder", answer(folder_zip("1")), answer(folder_zip("2")))
    peer.on("POST", "imports", answer(REPORT))
    return peer


async def test_a_method_is_written_once(service, call, jp_root_dir):
    code, document = await call("POST", "archive", {"process": "copy"})
    assert (code, document) == (201, {"path": "CCP/methods/Copy it-1.0.0.json", "written": True})
    assert json.loads((jp_root_dir / document["path"]).read_text()) == METHOD
    code, again = await call("POST", "archive", {"process": "copy"})
    assert (code, again) == (200, {**document, "written": False})
    # Another one of this name does not take its place.
    (jp_root_dir / document["path"]).write_text("{}")
    _, other = await call("POST", "archive", {"process": "copy"})
    assert other == {"path": "CCP/methods/Copy it-1.0.0 (2).json", "written": True}
    assert (jp_root_dir / document["path"]).read_text() == "{}"
    assert sorted(each.name for each in (jp_root_dir / "CCP/methods").iterdir()) == [
        "Copy it-1.0.0 (2).json",
        "Copy it-1.0.0.json",
    ]


async def test_an_execution_is_written_once(service, call, jp_root_dir):
    code, document = await call("POST", "archive", {"job": "j1"})
    assert (code, document["path"]) == (201, "CCP/executions/b Copy-j1.zip")
    # The service makes the zip anew each time; what is in it counts.
    assert await call("POST", "archive", {"job": "j1"}) == (200, {**document, "written": False})


async def test_what_lies_there(service, call, jp_root_dir):
    assert await call("GET", "archive") == (200, {"entries": []})
    await call("POST", "archive", {"process": "copy"})
    await call("POST", "archive", {"job": "j1"})
    executions, methods = jp_root_dir / "CCP/executions", jp_root_dir / "CCP/methods"
    (executions / "cut.zip").write_bytes(folder_zip("1")[:500])
    (executions / "other.zip").write_bytes(zips.make({"a": b"x"}))
    (methods / "no.json").write_text("[" * 100_000)
    (methods / ".hidden.json").write_text("{}")
    (methods / "notes.txt").write_text("x")
    (jp_root_dir.parent / "outside.json").write_text(json.dumps(METHOD))
    (methods / "link.json").symlink_to(jp_root_dir.parent / "outside.json")
    _, document = await call("GET", "archive")
    found = {each["path"].rpartition("/")[2]: each for each in document["entries"]}
    assert found.keys() == {
        "Copy it-1.0.0.json",
        "no.json",
        "b Copy-j1.zip",
        "cut.zip",
        "other.zip",
    }
    good = found["b Copy-j1.zip"]
    assert (good["id"], good["status"], good["damaged"]) == (STATUS["jobID"], "successful", "")
    assert found["Copy it-1.0.0.json"]["version"] == "1.0.0"
    for name in ("no.json", "cut.zip", "other.zip"):
        assert "cannot be read" in found[name]["damaged"]


async def test_imports_from_there(service, call, jp_root_dir):
    await call("POST", "archive", {"job": "j1"})
    path = "CCP/executions/b Copy-j1.zip"
    code, document = await call("POST", "archive/import", {"path": path, "renew": True})
    assert code == 200
    (result,) = document["results"]
    assert (result["outcome"], result["notes"]) == ("refused", ["a note"])
    assert result["problems"][0]["rule"] == "100% wrong"
    (sent,) = service.requests("POST", "imports")
    assert sent.headers["Content-Type"] == "application/zip"
    assert sent.query == {"renew": "true"}
    assert sent.body == (jp_root_dir / path).read_bytes()
    service.on("POST", "imports", answer({"title": "Bad", "detail": "50% broken"}, 400))
    code, document = await call("POST", "archive/import", {"path": path})
    assert (code, document["message"]) == (400, "50% broken")


@pytest.mark.parametrize(
    "path",
    ["", 5, "/etc/passwd", "../outside.json", "CCP/../../outside.json", "a\\b", "a\0b", ".env",
     "CCP/.hidden/x", "link.json", "folder", "gone.json", "x" * 5000],
)  # fmt: skip
async def test_paths_that_lead_elsewhere(service, call, jp_root_dir, path):
    (jp_root_dir.parent / "outside.json").write_text("{}")
    (jp_root_dir / ".env").write_text("{}")
    (jp_root_dir / "folder").mkdir()
    (jp_root_dir / "link.json").symlink_to("../outside.json")
    code, document = await call("POST", "archive/import", {"path": path})
    assert code == 400 and document["message"].startswith("path:")
    assert service.requests("POST", "imports") == []


@pytest.mark.parametrize(
    ("where", "body"),
    [
        ("archive", {}),
        ("archive", {"process": "a", "job": "b"}),
        ("archive", {"process": 5}),
        ("archive", {"job": "x" * 201}),
        ("archive/import", {"path": "a.json", "replace": "yes"}),
        ("archive/import", {"path": "a.json", "more": True}),
    ],
)
async def test_wrong_requests(service, call, where, body):
    code, document = await call("POST", where, body)
    assert code == 400 and document["message"]


async def test_what_the_service_does_not_have(service, call, jp_root_dir):
    code, _ = await call("POST", "archive", {"process": "none"})
    assert code == 404
    assert not (jp_root_dir / "CCP/methods").exists()
