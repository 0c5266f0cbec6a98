"""Methods on real engines: what users write in scripts, and what comes back."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import time
import zipfile

import pytest

from tests.jobs import Caller, method, nothing_left
from tests.stack import images
from tests.stack.stack import Stack


@pytest.fixture
def alice(stack: Stack):
    caller = Caller(stack.service_url, stack.users["alice"])
    yield caller
    caller.close()


@pytest.fixture
def shell(stack: Stack) -> str:
    return stack.images["shell"]


def test_what_is_in_ccp_data_comes_back(stack, alice, shell):
    job = alice.start(
        method(shell, ["mkdir -p /ccp_data/sub", "echo one > /ccp_data/sub/a", "echo two > b"])
    )
    done = alice.wait(job)
    assert done["status"] == "successful", done
    assert done["progress"] == 100
    assert alice.outputs(job) == {"sub/a": b"one\n", "b": b"two\n"}
    nothing_left(stack, job)


def test_phases_and_lines_come_in_order_and_numbered(alice, shell):
    # The pauses are there because stdout and stderr are two pipes, whose order nobody keeps.
    document = method(shell, "sleep 0.3; echo out; echo err >&2", "echo deploying; sleep 0.3")
    job = alice.start(document)
    alice.wait(job)
    alice.wait_for(job, "ended")
    events = alice.events(job)
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    phases = [e["phase"] for e in events if e["kind"] == "phase" and not e.get("message")]
    assert phases == ["launch", "deploy", "execute", "fetch", "destroy", "ended"]
    kinds = [
        (e.get("phase") or e.get("status") or e["lines"][0])
        for e in events
        if not (e["kind"] == "phase" and e.get("message"))
    ]
    assert kinds.index("deploy") < kinds.index("deploying") < kinds.index("execute")
    assert kinds.index("execute") < kinds.index("out")
    assert alice.log(job, stream="stderr") == "err\n"
    assert alice.log(job, stream="stdout") == "deploying\nout\n"


def test_environment_of_the_reference(alice, shell):
    job = alice.start(method(shell, 'echo "$ccptaskname $ccptaskid $ccpreplicas"'), ccpreplicas=1)
    alice.wait(job)
    assert alice.log(job) == f"{job} 1 1\n"


def test_values_reach_the_script_as_they_are(alice, shell):
    hostile = """a'b"c $(touch /ccp_data/evil) `id` \\ ; & | > x * ünï
second line"""
    script = ["printf '%s' {{ text }} > bare", "printf '%s' \"{{ text }}\" > quoted"]
    job = alice.start(method(shell, script, inputs={"text": {}}), text=hostile)
    assert alice.wait(job)["status"] == "successful"
    assert alice.outputs(job) == {"bare": hostile.encode(), "quoted": hostile.encode()}


@pytest.fixture(scope="module")
def noshell(stack: Stack) -> str:
    engine = next(iter(stack.engines.values()))
    local = images.load(engine, ["noshell"])["noshell"]
    return stack.registry.push(engine, local, "ccp/noshell:1")


@pytest.fixture(scope="module")
def private(stack: Stack) -> str:
    """Return an image for which the Infrastructure has the login."""
    engine = next(iter(stack.engines.values()))
    local = images.load(engine, ["shell"])["shell"]
    return stack.registry.push(engine, local, "ccp/secret:1", private=True)


FILE = {"schema": {"type": "string", "format": "file", "contentEncoding": "base64"}}


def test_a_file_by_value(alice, shell):
    content = bytes(range(256)) * 300
    document = method(
        shell, "sha256sum < {{ table }} > sum; wc -c < {{ table }}", inputs={"table": FILE}
    )
    job = alice.start(document, table=base64.b64encode(content).decode())
    assert alice.wait(job)["status"] == "successful", alice.log(job)
    found = alice.outputs(job)
    assert found["sum"].split()[0].decode() == hashlib.sha256(content).hexdigest()
    assert found["input/table"] == content


def test_several_files(alice, shell):
    document = method(shell, "cat {{ parts }} > all", inputs={"parts": {**FILE, "maxOccurs": 3}})
    values = [base64.b64encode(text).decode() for text in (b"one ", b"two ")]
    job = alice.start(document, parts=values)
    assert alice.wait(job)["status"] == "successful"
    found = alice.outputs(job)
    assert found["all"] == b"one two "
    assert found["input/parts.2"] == b"two "


def test_replicas_are_independent_and_come_back_in_one_zip(alice, shell):
    document = method(shell, "echo $ccptaskid > n-$ccptaskid; echo same > same")
    job = alice.start(document, ccpreplicas=3)
    assert alice.wait(job)["status"] == "successful"
    found = alice.outputs(job)
    assert found["replica-2/n-2"] == b"2\n"
    assert sorted(found) == [f"replica-{n}/{f}" for n in (1, 2, 3) for f in (f"n-{n}", "same")]
    assert alice.log(job, task=3, stream="stdout") == ""


def test_one_failing_replica_fails_the_execution_and_ends_the_others(stack, alice, shell):
    document = method(shell, "[ $ccptaskid = 2 ] && exit 7; sleep 100")
    job = alice.start(document, ccpreplicas=3)
    done = alice.wait(job)
    assert done["status"] == "failed"
    assert "Replica 2" in done["message"] and "exit code 7" in done["message"]
    nothing_left(stack, job)


def test_secrets_reach_the_script_and_nothing_else(stack, alice, shell):
    secret = "pl4nted-s3cret-value"
    document = method(
        shell,
        ["[ {{ key }} = pl4nted-s3cret-value ] && echo right", "echo the key is {{ key }}"],
        inputs={"key": {"schema": {"type": "string", "format": "secret"}}},
    )
    # The script names the value too, so the Method's own text is looked at apart.
    document["additionalParameters"]["parameters"][1]["value"][0] = (
        "printf %s {{ key }} | sha256sum"
    )
    job = alice.start(document, key=secret)
    assert alice.wait(job)["status"] == "successful"
    digest = hashlib.sha256(secret.encode()).hexdigest()
    assert alice.log(job) == f"{digest}  -\nthe key is ***\n"
    for path in ("", "/results", "/events", "/log", "/folder"):
        assert secret.encode() not in alice.http.get(f"jobs/{job}{path}").content, path
    for file in stack.folder.rglob("*"):
        if file.is_file() and "engines" not in file.parts and "registry" not in file.parts:
            assert secret.encode() not in file.read_bytes(), file


FAILURES = {
    "image that does not exist": (
        {"image": "{registry}/no-such-image:1"},
        "no-such-image",
    ),
    "image without a shell": ({"image": "{noshell}"}, "/bin/sh"),
    "script that fails": ({"execute": "echo why >&2; exit 3"}, "Execute.*exit code 3"),
    "deploy-script that fails": ({"deploy": "exit 4"}, "Deploy.*exit code 4"),
    "deploy-script that ends the shell": (
        {"deploy": "trap : EXIT; exit 0"},
        "deploy-script ended the shell",
    ),
    "program that is not there": ({"execute": "no-such-program"}, "exit code 127"),
    "script with a syntax error": ({"execute": "if then"}, "Execute.*exit code"),
    "too much memory": (
        {"execute": "x=0123456789abcdef; while :; do x=$x$x; done"},
        "out of memory|exit code",
    ),
    "a file that is too large": (
        {"execute": "dd if=/dev/zero of=/ccp_data/big bs=1M count=300"},
        "exit code",
    ),
    "a sparse file of 10 GB": (
        {"execute": "truncate -s 10G huge"},
        "exit code",
    ),
    "outputs that are too large": (
        {"execute": "for i in 1 2 3; do dd if=/dev/zero of=/ccp_data/$i bs=1M count=100; done"},
        "/ccp_data holds more than the 268435456 bytes",
    ),
    "too many outputs": (
        {"execute": "i=0; while [ $i -lt 5100 ]; do : > $i; i=$((i+1)); done"},
        "more than the 5000 files",
    ),
    "ccp_data that is gone": (
        {"execute": "cd /; rm -rf /ccp_data"},
        "Fetch",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_says_what_happened_and_leaves_nothing(stack, alice, noshell, name):
    changes, message = FAILURES[name]
    given = {"image": stack.images["shell"], "execute": "true", **changes}
    given["image"] = given["image"].format(registry=stack.registry.address, noshell=noshell)
    job = alice.start(method(given["image"], given["execute"], given.get("deploy", "")))
    done = alice.wait(job)
    assert done["status"] == "failed"
    assert re.search(message, done["message"]), done["message"]
    nothing_left(stack, job)
    results = alice.http.get(f"jobs/{job}/results")
    assert results.status_code >= 400
    assert done["message"] in results.json()["detail"]


def test_an_image_that_needs_a_login(stack, alice, private):
    """The Infrastructure has the login of its private registry."""
    assert alice.run(method(private, "true"))["status"] == "successful"
    missing = f"{stack.registry.private_address}/no-such:1"
    done = alice.run(method(missing, "true"))
    assert done["status"] == "failed"
    assert missing in done["message"]


def test_an_image_reference_that_is_none_is_refused_at_once(alice, shell):
    answer = alice.execute(alice.deploy(method(shell, "true")), ccpimage="Not An Image!")
    assert answer.status_code == 400
    (problem,) = answer.json()["problems"]
    assert problem["member"] == "inputs.ccpimage"
    assert "Not An Image!" in problem["value"]


def test_a_script_that_hangs_is_ended_in_time(alice, shell):
    begin = time.monotonic()
    job = alice.start(method(shell, "echo begun; sleep 1000"), ccpmaxtime=2)
    done = alice.wait(job)
    assert done["status"] == "failed"
    assert "expired" in done["message"] and "2 seconds" in done["message"]
    assert time.monotonic() - begin < 20
    assert alice.log(job) == "begun\n"


def test_a_script_that_ignores_sigterm_is_ended_too(alice, shell):
    done = alice.run(method(shell, "trap '' TERM; while :; do sleep 1; done"), ccpmaxtime=1)
    assert "expired" in done["message"]


def test_a_fork_bomb_hurts_nobody_else(alice, shell):
    bomb = alice.start(method(shell, "f() { f | f & }; f; sleep 5; exit 1"), ccpmaxtime=10)
    other = alice.run(method(shell, "echo fine"))
    assert other["status"] == "successful"
    assert alice.wait(bomb)["status"] == "failed"


def test_links_and_odd_names_in_the_outputs(alice, shell):
    job = alice.start(
        method(
            shell,
            [
                "mkdir -p a; echo 1 > a/real; ln -s a/real inside; ln -s /etc/passwd outside",
                "echo out > ../../x",
                "ln a/real hard; mkfifo pipe; echo x > \"$(printf 'caf\\351')\"; echo y > '-rf *'",
            ],
        )
    )
    assert alice.wait(job)["status"] == "successful", alice.log(job)
    found = alice.outputs(job)
    assert found == {
        "a/real": b"1\n",
        "inside": b"1\n",
        "hard": b"1\n",
        "caf%E9": b"x\n",
        "-rf *": b"y\n",
    }
    notes = [e["message"] for e in alice.events(job) if e["kind"] == "phase" and e["message"]]
    assert any("outside is a link to /etc/passwd" in note for note in notes)
    assert any("pipe" in note for note in notes)


def test_a_very_long_log_is_cut_and_nothing_else_suffers(alice, shell):
    job = alice.start(method(shell, "seq 1 300000; echo x > done"))
    assert alice.wait(job)["status"] == "successful"
    log = alice.log(job)
    assert log.startswith("1\n2\n3\n")
    assert len(log) < 1_200_000
    assert alice.outputs(job) == {"done": b"x\n"}


@pytest.mark.parametrize("moment", ["accepted", "launch", "execute"])
def test_dismiss_at_any_moment(stack, alice, shell, moment):
    job = alice.start(method(shell, "sleep 1000"))
    if moment != "accepted":
        alice.wait_for(job, moment)
    answer = alice.http.delete(f"jobs/{job}")
    assert answer.status_code == 200
    assert answer.json()["status"] == "dismissed"
    assert alice.status(job)["status"] == "dismissed"
    nothing_left(stack, job)
    assert alice.http.delete(f"jobs/{job}").status_code == 200
    assert alice.http.delete(f"jobs/{job}").status_code == 404


def test_dismissing_what_has_ended_can_keep_it(alice, shell):
    job = alice.start(method(shell, "echo x > y"))
    alice.wait(job)
    answer = alice.http.delete(f"jobs/{job}", params={"finished": "keep"})
    assert answer.status_code == 200
    assert answer.json()["status"] == "successful"
    assert alice.outputs(job) == {"y": b"x\n"}


def test_containers_have_no_privileges(alice, shell):
    script = [
        "grep -E '^(CapEff|NoNewPrivs)' /proc/self/status",
        "ls /var/run/docker.sock /run/docker.sock 2>/dev/null && echo SOCKET",
        "mount -t tmpfs none /mnt 2>/dev/null && echo MOUNTED",
        "true",
    ]
    job = alice.start(method(shell, script))
    assert alice.wait(job)["status"] == "successful"
    lines = dict(line.split(":\t") for line in alice.log(job).splitlines())
    assert lines["NoNewPrivs"] == "1"
    # CHOWN, DAC_OVERRIDE, FOWNER, SETGID, SETUID and nothing else.
    assert int(lines["CapEff"], 16) == 0b1100_1011


def test_a_link_is_fetched_for_all_replicas(alice, shell, files):
    document = method(shell, "cp {{ table }} copy", inputs={"table": FILE})
    job = alice.start(document, table={"href": f"{files}/good.csv"}, ccpreplicas=2)
    assert alice.wait(job)["status"] == "successful"
    assert alice.outputs(job)["replica-2/copy"] == b"a,b\n1,2\n"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/missing", "404"),
        ("/huge", "bytes"),
        ("/inside", "10.0.0.1|private|not allowed|refused"),
    ],
)
def test_a_link_that_cannot_be_had(alice, shell, files, path, message):
    document = method(shell, "cp {{ table }} copy", inputs={"table": FILE})
    done = alice.run(document, table={"href": f"{files}{path}"})
    assert done["status"] == "failed"
    assert "table" in done["message"]
    assert re.search(message, done["message"]), done["message"]


def test_a_link_to_a_private_address(alice, shell):
    document = method(shell, "true", inputs={"table": FILE})
    done = alice.run(document, table={"href": "http://169.254.169.254/latest/meta-data"})
    assert done["status"] == "failed"
    assert "169.254.169.254" in done["message"]


def test_the_folder_has_everything_of_an_execution(alice, shell):
    job = alice.start(method(shell, "echo hi; echo x > y"))
    alice.wait(job)
    answer = alice.http.get(f"jobs/{job}/folder")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as folder:
        assert {
            "metadata/request.json",
            "metadata/method.json",
            "metadata/infrastructure.json",
            "metadata/instance.json",
            "metadata/jobStatus.json",
            "auth/jwt.json",
            "outputs/output.zip",
        } <= {n.split("/", 1)[1] if n.startswith(job) else n for n in folder.namelist()}
        claims = next(n for n in folder.namelist() if n.endswith("jwt.json"))
        assert json.loads(folder.read(claims))["name"] == "alice"
