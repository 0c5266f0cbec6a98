"""Inputs and outputs: connectors, checks, order, errors."""

from __future__ import annotations

import json
import os
import signal
import time
from hashlib import sha1
from typing import Any

import pytest

from tests.unit.batch.box import Box, peak_memory, wait_until


def checksum(text: str) -> str:
    return "sha1$" + sha1(text.encode()).hexdigest()


def test_everything_once(box: Box) -> None:
    listing = [
        {"class": "File", "basename": "a", "size": 1, "checksum": checksum("A")},
        {"class": "Directory", "basename": "sub", "listing": [{"class": "File", "basename": "b"}]},
    ]
    inputs = {
        "plain": 3,
        "f": box.file(checksum=checksum("hello\n"), size=6),
        "many": [box.file("m0"), box.file("m1")],
        "d": box.directory(listing=listing),
    }
    done = box.sh(
        "cat ../inputs/folder-f/f ../inputs/d/sub/b; echo warned >&2; mkdir r1; echo x >r1/y",
        inputs=inputs,
        outputs={"o": box.output("Directory", listing=[{"class": "File", "basename": "y"}])},
        declared={
            "o": {"type": "Directory", "outputBinding": {"glob": "r*"}},
            "so": {"type": "stdout"},
            "none": {"type": "File?", "outputBinding": {"glob": "no*"}},
        },
    )
    assert (done.code, done.result["state"], done.result["debugInfo"]) == (0, "succeeded", None)
    assert done.phases == ["deploy", "execute", "fetch"]
    path = box.root / "inputs"
    assert done.result["inputs"] == {
        "f": {"class": "File", "path": f"{path}/folder-f/f", "size": 6},
        "many:0": {"class": "File[]", "path": f"{path}/folder-m0/m0", "size": 6},
        "many:1": {"class": "File[]", "path": f"{path}/folder-m1/m1", "size": 6},
        "d": {"class": "Directory", "path": f"{path}/d", "listing": listing},
    }
    assert list(done.result["inputs"]) == ["f", "many:0", "many:1", "d"]
    outputs = box.root / "outputs"
    assert done.result["outputs"] == {
        "o": {"class": "Directory", "glob": "r*", "path": f"{outputs}/r1"},
        "so": {"class": "stdout", "glob": "out.txt", "path": f"{outputs}/out.txt", "size": 8},
        "none": {"class": "File?", "glob": "no*", "path": None},
    }
    assert done.result["process"] == {
        "returnCode": 0,
        "executed": True,
        "stdout": "out.txt",
        "stderr": "err.txt",
    }
    assert (box.root / "sent/y").read_text() == "x\n"
    assert (outputs / "out.txt").read_text() == "hello\nBB"
    assert done.stdout == "hello\nBB\n", "live, by lines"
    assert (outputs / "err.txt").read_text() == "warned\n"
    validations = [call.split()[0] for call in box.calls if "validate" in call]
    assert sorted(validations) == [
        "receive-dir-validate",
        *["receive-file-validate"] * 3,
        "send-dir-validate",
    ]
    with_listing = [call.split()[0] for call in box.calls if "--listing=" in call]
    assert sorted(with_listing) == [
        "receive-dir",
        "receive-dir-validate",
        "send-dir",
        "send-dir-validate",
    ]


def test_no_validation_when_not_wanted(box: Box) -> None:
    box.sh("true", inputs={"f": box.file()}, validate=False)
    assert [call.split()[0] for call in box.calls] == ["receive-file"]


def test_each_connector_is_asked_once_for_its_version(box: Box) -> None:
    box.connector(
        "other",
        f"#!/bin/sh\n[ $1 = cli-version ] && echo asked >>{box.root}/asked && echo 0.1 && exit\n"
        '[ $1 = receive-file ] && echo x >"$3"\nexit 0\n',
    )
    inputs = {name: box.file(name, command="other") for name in "abc"}
    assert box.sh("true", inputs=inputs).code == 0
    assert (box.root / "asked").read_text() == "asked\n"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("echo 2", "cli-version answered '2' instead of one line 1 or 0.1"),
        ("echo 1; echo 1", r"cli-version answered '1\n1'"),
        ("true", "cli-version answered ''"),
        ("echo 1; echo broken >&2; exit 4", "cli-version ended with exit code 4: broken"),
    ],
)
def test_wrong_version(box: Box, answer: str, message: str) -> None:
    box.connector("odd", f"#!/bin/sh\n{answer}\n")
    done = box.sh("true", inputs={"f": box.file(command="odd")})
    assert done.code == 1
    assert f"connector odd (input f): {message}" in done.info
    assert done.phases == ["deploy"]


def test_missing_connectors_are_all_named(box: Box) -> None:
    inputs = {"a": box.file("a", command="nope"), "b": box.file("b", command="neither")}
    outputs = {"o": box.output()}
    outputs["o"]["connector"]["command"] = "nope"
    declared = {"o": {"type": "File", "outputBinding": {"glob": "x"}}}
    done = box.sh("true", inputs=inputs, outputs=outputs, declared=declared)
    assert done.result["debugInfo"] == [
        "connector nope (input a, output o) is not in the image: not found in PATH",
        "connector neither (input b) is not in the image: not found in PATH",
    ]


def test_validation_comes_before_any_transfer_and_reports_in_order(box: Box) -> None:
    bad = {"on": "receive-file-validate", "exit": 2}
    inputs = {
        "slow": box.file("slow", access={**bad, "stderr": "no url\n", "sleep": 0.4}),
        "fine": box.file("fine"),
        "quick": box.file("quick", access={**bad, "stdout": "no user\n"}),
    }
    done = box.sh("true", inputs=inputs)
    assert done.result["debugInfo"] == [
        "input slow: conn receive-file-validate ended with exit code 2: no url",
        "input quick: conn receive-file-validate ended with exit code 2: no user",
    ]
    assert not [call for call in box.calls if call.startswith("receive-file ")]


def test_transfers_run_side_by_side(box: Box) -> None:
    inputs = {name: box.file(name, access={"meet": 4, "on": "receive-file"}) for name in "abcd"}
    done = box.sh("true", inputs=inputs)
    assert (done.code, done.info) == (0, "")


def test_no_more_than_four_at_a_time(box: Box) -> None:
    access = {"meet": 5, "sleep": 1, "on": "receive-file"}
    inputs = {name: box.file(name, access=access) for name in "abcde"}
    process = box.start(box.job(inputs=inputs))
    wait_until(lambda: len(list(box.bin.glob("met-*"))) == 4)
    time.sleep(1.5)
    assert len(list(box.bin.glob("met-*"))) == 4
    (box.bin / "met-too").touch()
    assert box.finish(process).code == 0


def test_after_a_failure_nothing_new_begins(box: Box) -> None:
    inputs = {"bad": box.file("bad", access={"on": "receive-file", "exit": 3, "stderr": "gone"})}
    inputs |= {
        f"n{number}": box.file(f"n{number}", access={"on": "receive-file", "sleep": 0.5})
        for number in range(12)
    }
    done = box.sh("true", inputs=inputs)
    assert done.result["debugInfo"] == ["input bad: conn receive-file ended with exit code 3: gone"]
    assert len([call for call in box.calls if call.startswith("receive-file ")]) <= 5
    assert set(done.result["inputs"]) <= {"n0", "n1", "n2", "n3"}
    assert done.phases == ["deploy"]


def test_a_hanging_neighbour_ends_soon_after_a_failure(box: Box) -> None:
    hang = {"on": "receive-file", "sleep": 100}
    inputs = {"hang": box.file("hang", access=hang), "bad": box.file("bad", access={"exit": 1})}
    begin = time.monotonic()
    done = box.sh("true", inputs=inputs, validate=False)
    assert time.monotonic() - begin < 20
    assert done.info == "input bad: conn receive-file ended with exit code 1"


def test_killed_connector(box: Box) -> None:
    access = {"on": "receive-file", "signal": int(signal.SIGSEGV)}
    done = box.sh("true", inputs={"f": box.file(access=access)})
    assert "conn receive-file was killed by signal 11 (SIGSEGV)" in done.info


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"content": None}, "/f is not there"),
        ({"size": 7}, "/f has 6 bytes, its size shall be 7"),
        ({"checksum": checksum("x")}, f"/f has the checksum {checksum('hello' + chr(10))}, it"),
        ({"checksum": "md5$00"}, "/f: the checksum must be sha1$HEX"),
    ],
)
def test_what_arrives_is_checked(box: Box, members: dict[str, Any], message: str) -> None:
    done = box.sh("true", inputs={"f": box.file(**members)})
    assert done.code == 1
    assert done.info.startswith("input f: ")
    assert message in done.info
    assert not done.result["process"]["executed"]


@pytest.mark.parametrize(
    ("listing", "message"),
    [
        ([{"class": "File", "basename": "c"}], "/d/c is not there"),
        ([{"class": "File", "basename": "sub"}], "/d/sub is no file"),
        ([{"class": "Directory", "basename": "a"}], "/d/a is no directory"),
        (
            [
                {
                    "class": "Directory",
                    "basename": "sub",
                    "listing": [{"class": "File", "basename": "b", "size": 9}],
                }
            ],
            "/d/sub/b has 2 bytes, its size shall be 9",
        ),
    ],
)
def test_listings_are_checked(box: Box, listing: list[Any], message: str) -> None:
    done = box.sh("true", inputs={"d": box.directory(listing=listing)})
    assert message in done.info


def test_folders_that_are_taken(box: Box) -> None:
    (box.root / "inputs/folder-f").mkdir()
    (box.root / "inputs/folder-f/old").touch()
    (box.root / "inputs/d").mkdir()  # empty: may be used
    done = box.sh("true", inputs={"f": box.file(), "d": box.directory()})
    assert "folder-f is there already and is no empty directory" in done.info
    assert "inputs/d" not in done.info


def test_two_inputs_for_one_path(box: Box) -> None:
    twice = [box.file("same"), box.file("same")]
    done = box.sh("true", inputs={"x": twice})
    assert "input x:1: another input has the same path" in done.info


def test_an_input_inside_another_comes_in_order(box: Box) -> None:
    inner = box.file("inner", access={"on": "receive-file", "sleep": 0})
    inner["path"] = str(box.root / "inputs/d/sub/inner")
    outer = box.directory(access={"on": "receive-dir", "sleep": 0.4})
    done = box.sh("ls ../inputs/d/sub", inputs={"d": outer, "f": inner})
    assert done.stdout == "b\ninner\n"
    order = [call.split()[0] for call in box.calls if "validate" not in call]
    assert order == ["receive-dir", "receive-file"]


def test_mounts_come_first_and_are_taken_away(box: Box) -> None:
    inputs = {"f": box.file(), "d": box.directory(mount=True, listing=[])}
    done = box.sh("ls ../inputs/d; exit 3", inputs=inputs)
    assert done.stdout == "mounted\n"
    assert [call.split()[0] for call in box.calls if "validate" not in call] == [
        "mount-dir",
        "receive-file",
        "umount-dir",
    ]
    assert not (box.root / "inputs/d/mounted").exists()
    assert not [call for call in box.calls if "--listing" in call]


def test_failed_unmount_is_told_and_changes_nothing(box: Box) -> None:
    inputs = {"d": box.directory(mount=True)}
    done = box.sh("rm ../inputs/d/mounted", inputs=inputs)
    assert (done.code, done.result["state"]) == (0, "succeeded")
    assert "input d: conn umount-dir ended with exit code 1" in done.info


def test_mount_of_a_file(box: Box) -> None:
    value = box.file()
    value["connector"]["mount"] = True
    assert "input f: only a directory can be mounted" in box.sh("true", inputs={"f": value}).info


@pytest.mark.parametrize(
    ("kind", "pattern", "message"),
    [
        ("File", "x*", "the glob x* must match one path, it matches 2: "),
        ("File?", "x*", "the glob x* must match one path, it matches 2: "),
        ("File", "d", "no file matches the glob d"),
        ("Directory", "x1", "no directory matches the glob x1"),
        ("File", "none", "no file matches the glob none"),
        ("File", "../inputs/other", "is not in the outputs folder"),
        ("File", "/etc/passwd", "/etc/passwd is not in the outputs folder"),
        ("File", "big", "/big has 3 bytes, its size shall be 2"),
    ],
)
def test_outputs_are_checked(box: Box, kind: str, pattern: str, message: str) -> None:
    done = box.sh(
        "touch x1 x2 ../inputs/other; mkdir d; printf 123 >big; printf y >good",
        outputs={"o": box.output(kind.rstrip("?"), size=2), "good": box.output()},
        declared={
            "o": {"type": kind, "outputBinding": {"glob": pattern}},
            "good": {"type": "File", "outputBinding": {"glob": "good"}},
        },
    )
    assert (done.code, done.result["state"]) == (1, "failed")
    assert done.info.startswith("output o: ")
    assert message in done.info
    assert (box.root / "sent").read_text() == "y", "the others are sent all the same"


def test_globs_see_type_and_hide_dotfiles(box: Box) -> None:
    done = box.sh(
        "mkdir x1; touch x2 .hidden",
        declared={
            "f": {"type": "File", "outputBinding": {"glob": "x*"}},
            "d": {"type": "Directory", "outputBinding": {"glob": "x*/"}},
            "h": {"type": "File?", "outputBinding": {"glob": "*hidden"}},
        },
    )
    paths = {name: entry["path"] for name, entry in done.result["outputs"].items()}
    folder = box.root / "outputs"
    assert paths == {"f": f"{folder}/x2", "d": f"{folder}/x1", "h": None}


def test_root_with_glob_characters(tmp_path) -> None:
    box = Box(tmp_path / "[a]*")
    done = box.sh("touch x", declared={"f": {"type": "File", "outputBinding": {"glob": "?"}}})
    assert done.code == 0


def test_all_outputs_are_sent_also_when_one_fails(box: Box) -> None:
    names = "abcdef"
    outputs = {name: box.output(access={"to": str(box.root / f"to-{name}")}) for name in names}
    for name in "be":
        bad = {"on": "send-file", "exit": 3, "stderr": f"no room for {name}"}
        outputs[name]["connector"]["access"].update(bad)
    outputs["b"]["connector"]["access"]["sleep"] = 0.5
    declared = {name: {"type": "File", "outputBinding": {"glob": name}} for name in names}
    done = box.sh("for f in a b c d e f; do echo $f >$f; done", outputs=outputs, declared=declared)
    assert done.result["debugInfo"] == [
        "output b: conn send-file ended with exit code 3: no room for b",
        "output e: conn send-file ended with exit code 3: no room for e",
    ]
    assert sorted(path.name for path in box.root.glob("to-*")) == ["to-a", "to-c", "to-d", "to-f"]
    assert list(done.result["outputs"]) == list(names)


def test_optional_output_that_is_not_there_is_not_sent(box: Box) -> None:
    declared = {"o": {"type": "File?", "outputBinding": {"glob": "o"}}}
    done = box.sh("true", outputs={"o": box.output()}, declared=declared)
    assert done.code == 0
    assert not [call for call in box.calls if call.startswith("send-file ")]


def test_streams_as_outputs(box: Box) -> None:
    outputs = {"so": box.output("stdout"), "se": box.output("stderr")}
    outputs["se"]["connector"]["access"]["to"] = str(box.root / "sent-err")
    declared = {"so": {"type": "stdout"}, "se": {"type": "stderr"}}
    assert box.sh("echo 1; echo 2 >&2", outputs=outputs, declared=declared).code == 0
    assert (box.root / "sent").read_text() == "1\n"
    assert (box.root / "sent-err").read_text() == "2\n"


def test_nothing_is_sent_when_the_command_failed(box: Box) -> None:
    declared = {"so": {"type": "stdout"}}
    done = box.sh("echo 1; exit 7", outputs={"so": box.output("stdout")}, declared=declared)
    assert done.result["outputs"] is None
    assert not (box.root / "sent").exists()
    assert done.phases == ["deploy", "execute"]


def test_output_that_nobody_declared(box: Box) -> None:
    assert "output o: cli does not declare it" in box.sh("true", outputs={"o": box.output()}).info


def test_noise_of_connectors_stays_out(box: Box) -> None:
    noise = {"stdout": "NOISE" * 1000, "stderr": "NOISE" * 1000}
    done = box.sh("echo quiet", inputs={"f": box.file(access=noise)})
    assert done.code == 0
    assert "NOISE" not in json.dumps(done.result) + done.stdout + done.stderr
    assert done.stdout == "quiet\n"


def test_connector_that_floods_its_stderr(box: Box) -> None:
    box.connector(
        "flood",
        "#!/bin/sh\ncase $1 in cli-version) echo 1;; *validate) ;;\n"
        "*) echo first >&2; head -c 300000000 /dev/zero | tr '\\0' x >&2; echo last >&2; exit 1;;"
        " esac\n",
    )
    process = box.start(box.job(inputs={"f": box.file(command="flood")}))
    peak = 0
    while process.poll() is None:
        try:
            peak = max(peak, peak_memory(process.pid))
        except (FileNotFoundError, ProcessLookupError):
            break
        time.sleep(0.05)
    done = box.finish(process)
    assert 0 < peak < 60_000, "kB"
    assert "first" in done.info
    assert "last" in done.info
    assert "bytes left out" in done.info
    assert len(json.dumps(done.result)) < 20_000


def test_connector_that_leaves_a_process_with_its_pipes(box: Box) -> None:
    box.connector(
        "leaves",
        f"#!/bin/sh\ncase $1 in cli-version) echo 1;; receive-file) echo x >$3;"
        f" setsid sleep 100 & echo $! >{box.root}/left; sleep 0.3;; esac\n",
    )
    begin = time.monotonic()
    done = box.sh("true", inputs={"f": box.file(command="leaves")})
    assert done.code == 0
    assert time.monotonic() - begin < 15
    os.kill(int((box.root / "left").read_text()), signal.SIGKILL)
