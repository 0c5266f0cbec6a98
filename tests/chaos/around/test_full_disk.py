"""Full disks: the service's own while it fetches, and the engine's while a script writes."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time

import pytest

from tests.jobs import method, nothing_left
from tests.stack.engines import CannotStart, start_engine

# Much memory, because a disk in memory counts towards what a container uses.
STACK = {"nodes": 1, "limits": {"file_size": "1GiB", "memory": "1GiB"}}


@pytest.fixture
def small_data_dir(stack, alice):
    """Put the service's data on a disk of 48 MiB."""
    stack.kill_service()
    data, aside = stack.data_dir, stack.folder / "service-aside"
    data.rename(aside)
    data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", data], check=True)
    shutil.copytree(aside, data, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))
    vault = stack.vault
    stack.start_service()
    yield data
    stack.kill_service()
    if (now := stack.vault) is not None and now is not vault:
        now.send(9)
    subprocess.run(["umount", "-l", data], check=True)
    data.rmdir()
    aside.rename(data)
    stack.start_service()


def ballast(folder, leave):
    """Fill a disk until so many bytes are left."""
    ballast, block = folder / "ballast", b"\0" * 4096
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while leave == 0 or os.statvfs(folder).f_bavail * 4096 > leave:
            file.write(block)
    return ballast


def test_outputs_wait_in_their_container_until_there_is_room(stack, alice, small_data_dir):
    job = alice.start(method(stack.images["shell"], "head -c 20000000 /dev/urandom > noise"))
    full = ballast(small_data_dir, 4_000_000)
    alice.wait_for(job, "fetch")
    deadline = time.monotonic() + 30
    while not any("disk is full" in e.get("message", "") for e in alice.events(job)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert alice.status(job)["status"] == "running"
    full.unlink()
    assert alice.wait(job, 90)["status"] == "successful"
    assert len(alice.outputs(job)["noise"]) == 20_000_000
    nothing_left(stack, job)


def test_a_submission_to_a_full_disk_is_refused_and_nothing_is_lost(stack, alice, small_data_dir):
    name = alice.deploy(method(stack.images["shell"], "echo x > y"))
    before = alice.execute(name).json()["jobID"]
    alice.wait(before)
    full = ballast(small_data_dir, 0)
    refused = [alice.execute(name) for _ in range(40)]
    codes = {answer.status_code for answer in refused}
    assert 507 in codes
    assert codes <= {201, 507}
    told = next(answer for answer in refused if answer.status_code == 507)
    assert "disk is full" in told.json()["detail"]
    full.unlink()
    for answer in refused:
        if answer.status_code == 201:
            assert alice.wait(answer.json()["jobID"], 90)["status"] == "successful"
    assert alice.run(method(stack.images["shell"], "true"))["status"] == "successful"
    assert alice.status(before)["status"] == "successful"


def test_a_script_that_fills_the_engines_disk(stack, alice):
    """The engine has no quota for one container here, so the script meets the end of the disk."""
    (engine,) = stack.engines.values()
    folder = stack.folder / "small-engine"
    disk = stack.folder / "small-disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", disk], check=True)
    try:
        small = start_engine(folder, "small", data_root=disk / "data")
    except CannotStart:
        subprocess.run(["umount", disk], check=True)
        raise
    try:
        stack.configure(nodes=[small.node().model_dump(mode="json", exclude_none=True)])
        stack.restart_service()
        # The log is on the same disk, so that the exit code is all that can be told.
        script = "head -c 900000000 /dev/zero > big || exit 28"
        done = alice.run(method(stack.images["shell"], script))
        assert done["status"] == "failed"
        assert "exit code 28" in done["message"]
        # Its container is gone, and with it what filled the disk: the next one works.
        deadline = time.monotonic() + 30
        client = small.client()
        while client.containers(all=True):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        client.close()
        assert alice.run(method(stack.images["shell"], "echo x > y"))["status"] == "successful"
    finally:
        stack.configure(nodes=[engine.node().model_dump(mode="json", exclude_none=True)])
        stack.restart_service()
        small.stop()
        subprocess.run(["umount", disk], check=True)


def test_a_user_who_keeps_too_much_is_told_what_to_do(stack, alice):
    infrastructure = alice.http.get("infrastructures/local-docker").json()
    limits = {**infrastructure["limits"], "stored_executions": 2}
    kept = alice.http.get("jobs", params={"limit": 1000}).json()["jobs"]
    for job in kept:
        alice.http.delete(f"jobs/{job['jobID']}")
    stack.configure(limits=limits)
    stack.restart_service()
    name = alice.deploy(method(stack.images["shell"], "true"))
    first = alice.execute(name).json()["jobID"]
    alice.wait(first)
    alice.wait(alice.execute(name).json()["jobID"])
    refused = alice.execute(name)
    assert refused.status_code == 409
    assert "2 is the limit" in refused.json()["detail"]
    assert "Delete some" in refused.json()["detail"]
    assert alice.http.delete(f"jobs/{first}").status_code == 200
    deadline = time.monotonic() + 20
    while (again := alice.execute(name)).status_code != 201:
        assert time.monotonic() < deadline, again.text
        time.sleep(0.2)
    alice.wait(again.json()["jobID"])
    stack.configure(limits=infrastructure["limits"])
    stack.restart_service()
