"""The agent in containers: users, entrypoints, what the command may see, ends."""

from __future__ import annotations

import asyncio
import json

from tests.connectors.web import PASSWORD, USER, WebServer
from tests.contract.connectors.container import Runner, connector, file
from tests.contract.engine.helpers import ended
from tests.stack import images


async def test_every_kind_of_image(runner: Runner, web: WebServer, image: str) -> None:
    web.files["in.txt"] = b"one\ntwo\n"
    access = {"url": web.url("basic", "in.txt"), "auth": {"username": USER, "password": PASSWORD}}
    done = await runner.sh(
        "pwd; id -u; wc -l <../inputs/in-text/text; echo made >result.txt",
        image=image,
        inputs={"text": file("text", "http", access)},
        outputs={
            "o": {
                "class": "File",
                "connector": connector(
                    "http", {**access, "url": web.url("basic", "out"), "method": "PUT"}
                ),
            }
        },
        cli={
            "outputs": {"o": {"type": "File", "outputBinding": {"glob": "res*"}}},
            "stdout": "out",
            "stderr": "err",
        },
    )
    done.succeeded()
    assert web.files["out"] == b"made\n"
    user = done.stdout.splitlines()[1]
    assert done.stdout == f"/cc/outputs\n{user}\n2\n"
    assert done.stderr.splitlines() == [
        f"ccp-mark {name}" for name in ("deploy", "execute", "fetch", "end 0")
    ]
    assert sorted(done.kept) == ["result/result.json", "result/stderr", "result/stdout"]


async def test_the_command_finds_no_secret(runner: Runner, web: WebServer, image: str) -> None:
    web.files["in.txt"] = b"x"
    access = {"url": web.url("basic", "in.txt"), "auth": {"username": USER, "password": PASSWORD}}
    script = (
        "ls -A /cc; cd /proc/$PPID; cat cmdline | tr '\\0' ' ';"
        " for f in mem environ maps fd/0 auxv; do cat $f >/dev/null 2>&1 && echo open $f; done;"
        f" grep -rlF '{PASSWORD}' /cc /tmp /dev/shm 2>/dev/null; echo end"
    )
    # The password must not stand in the command itself, or grep finds that.
    script = script.replace(PASSWORD, PASSWORD[:-1] + "[1]").replace("grep -rlF", "grep -rl")
    done = await runner.sh(script, image=image, inputs={"t": file("t", "http", access)})
    done.succeeded()
    names = "\n".join(
        [".reserve", "cloud", "inputs", "outputs", "restricted_red_agent.py", "result"]
    )
    agent = "python3 /cc/restricted_red_agent.py /cc/restricted_red_file.json"
    assert done.stdout == f"{names}\n{agent} end\n"


async def test_no_access_file_is_left(runner: Runner, web: WebServer) -> None:
    web.files["in.txt"] = b"x"
    container = await runner.start(
        ["true"], inputs={"t": file("t", "http", {"url": web.url("open", "in.txt")})}
    )
    (await runner.finish(container)).succeeded()
    assert sorted(await runner.look(container, "/cc")) == [
        "cc",
        "cc/cloud",
        "cc/inputs",
        "cc/inputs/in-t",
        "cc/inputs/in-t/t",
        "cc/outputs",
        "cc/outputs/err.txt",
        "cc/outputs/out.txt",
        "cc/restricted_red_agent.py",
        "cc/result",
        "cc/result/result.json",
        "cc/result/stderr",
        "cc/result/stdout",
    ]


async def test_missing_connector(runner: Runner) -> None:
    value = file("t", "of-nobody", {"url": "x"})
    done = await runner.sh("true", inputs={"t": value})
    done.failed("connector red-connector-of-nobody (input t) is not in the image")
    assert not done.result["process"]["executed"]


async def test_image_without_python(runner: Runner) -> None:
    container = await runner.start(["true"], image=images.reference("shell"))
    info = await ended(runner.engine, container)
    assert info.exit_code == 127
    assert "cc/result" in await runner.look(container, "/cc")


async def test_asked_to_end(runner: Runner) -> None:
    container = await runner.start(["sh", "-c", "echo begun; trap '' TERM; sleep 100; sleep 100"])
    async for frame in runner.engine.logs(container):
        if b"begun" in frame.data:
            break
    await runner.engine.stop(container, grace=15)
    info = await ended(runner.engine, container)
    assert info.exit_code == 143
    done = await runner.finish(container)
    assert done.debug == "stopped: the container was asked to end"
    assert done.kept["result/stdout"] == b"begun\n"


async def test_command_that_needs_too_much_memory(runner: Runner) -> None:
    """The kernel takes the command, and the agent can still say so."""
    done = await runner.sh("exec python3 -c 'b\"x\" * 3 * 2**30'")
    done.failed("the command was killed by signal 9 (SIGKILL)")


async def test_fork_bomb(runner: Runner) -> None:
    script = "f() { f | f & }; f; sleep 1; exit 3"
    done = await asyncio.wait_for(runner.sh(script), 60)
    assert done.result["state"] == "failed"
    assert json.dumps(done.result)
