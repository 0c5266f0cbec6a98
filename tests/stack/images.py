"""Test images, built from Debian's packages and from PyPI, and kept outside the repository.

``shell``
    busybox with all its applets; has ``/bin/sh``.
``python``
    Debian with Python 3 and its whole standard library.
``red``
    ``python`` with the RED connectors for HTTP, SSH and FTP.
``noshell``
    nothing but ``/sleep`` and ``/cat``: there is no shell to run a script with.
"""

from __future__ import annotations

import fcntl
import hashlib
import inspect
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.stack.engines import CannotStart, EngineHandle

NAMES = ("shell", "python", "red", "noshell")

_MIRROR = os.environ.get("CCP_DEBIAN_MIRROR", "http://deb.debian.org/debian")
_SUITE = "bookworm"
_PRUNED = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/zoneinfo",
    "usr/lib/python3.11/lib2to3",
    "usr/lib/python3.11/pydoc_data",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
)
_CONNECTORS = ("red-connector-http", "red-connector-ssh", "red-connector-ftp")


def reference(name: str) -> str:
    """Return the name under which `load` gives an image to an engine."""
    return f"ccp-test/{name}:1"


def ensure(names: Iterable[str] = NAMES) -> dict[str, Path]:
    """Build the images that are not in the cache.

    The cache is ``~/.cache/ccp-jupyter/images``, or ``images`` below the folder that the
    environment variable CCP_CACHE names. An image is built again when its recipe changes.

    Returns
    -------
    dict
        Name to an archive for ``docker load``.

    Raises
    ------
    CannotStart
        With what to install, or with the output of the command that failed.
    """
    return {name: _ensure(name) for name in names}


def load(engine: EngineHandle, names: Iterable[str] = NAMES) -> dict[str, str]:
    """Give images to an engine.

    Returns
    -------
    dict
        Name to reference.
    """
    archives = ensure(names)
    client = engine.client(timeout=300)
    try:
        for archive in archives.values():
            with archive.open("rb") as file:
                for line in client.load_image(file, quiet=True):
                    if "error" in line:
                        raise CannotStart(f"{engine.name} refuses {archive}: {line['error']}")
    finally:
        client.close()
    return {name: reference(name) for name in archives}


def remove(engine: EngineHandle, reference: str) -> None:
    """Take an image from an engine again."""
    client = engine.client(timeout=300)
    try:
        client.remove_image(reference, force=True)
    finally:
        client.close()


def _ensure(name: str) -> Path:
    build = _RECIPES[name]
    cache = Path(os.environ.get("CCP_CACHE", "~/.cache/ccp-jupyter")).expanduser() / "images"
    cache.mkdir(parents=True, exist_ok=True)
    archive = cache / f"{name}-{_digest(build)}.tar"
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            for old in cache.glob(f"{name}-*.tar"):
                old.unlink()
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                layers = build(Path(folder))
                finished = Path(folder, "image.tar")
                _write_archive(finished, reference(name), layers)
                finished.rename(archive)
    return archive


def _digest(build: Callable[[Path], list[Path]]) -> str:
    text = inspect.getsource(build) + repr((_SUITE, _PRUNED, _CONNECTORS, platform.machine()))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _shell(folder: Path) -> list[Path]:
    busybox = _program("busybox", "busybox-static")
    applets = _run([str(busybox), "--list"]).split()
    tree = folder / "tree"
    for part in ("bin", "etc", "root", "var"):
        (tree / part).mkdir(parents=True)
    (tree / "tmp").mkdir()
    (tree / "tmp").chmod(0o1777)
    (tree / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
    )
    (tree / "etc/group").write_text("root:x:0:\nnogroup:x:65534:\n")
    shutil.copy(busybox, tree / "bin/busybox")
    for applet in applets:
        if applet != "busybox":
            (tree / "bin" / applet).symlink_to("busybox")
    return [_layer(tree)]


def _noshell(folder: Path) -> list[Path]:
    tree = folder / "tree"
    tree.mkdir()
    shutil.copy(_program("busybox", "busybox-static"), tree / "sleep")
    (tree / "cat").hardlink_to(tree / "sleep")
    return [_layer(tree)]


def _python(folder: Path) -> list[Path]:
    debootstrap = _program("debootstrap", "debootstrap")
    tree = folder / "tree"
    _run([str(debootstrap), "--variant=minbase", "--include=python3", _SUITE, str(tree), _MIRROR])
    for part in _PRUNED:
        shutil.rmtree(tree / part, ignore_errors=True)
    (tree / "var/log").mkdir()
    return [_layer(tree)]


def _red(folder: Path) -> list[Path]:
    with tarfile.open(_ensure("python")) as archive:
        archive.extract("layer1.tar", folder, filter="data")
    tree = folder / "tree"
    target = tree / "usr/lib/python3/dist-packages"
    _run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"),
            *("--target", str(target), "--python-version", "3.11", "--only-binary=:all:"),
            *_CONNECTORS,
        ]
    )
    scripts = target / "bin"
    (tree / "usr/bin").mkdir()
    for script in scripts.iterdir():
        body = script.read_text().partition("\n")[2]
        (tree / "usr/bin" / script.name).write_text("#!/usr/bin/python3\n" + body)
        (tree / "usr/bin" / script.name).chmod(0o755)
    shutil.rmtree(scripts)
    return [folder / "layer1.tar", _layer(tree)]


_RECIPES = {"shell": _shell, "python": _python, "red": _red, "noshell": _noshell}


def _layer(tree: Path) -> Path:
    layer = tree.with_suffix(".layer")
    _run(
        [
            *("tar", "--create", "--numeric-owner", "--owner=0", "--group=0", "--sort=name"),
            *("--file", str(layer), "--directory", str(tree), "."),
        ]
    )
    return layer


def _write_archive(archive: Path, name: str, layers: list[Path]) -> None:
    """Write what ``docker load`` reads: a manifest, the image's configuration, its layers."""
    diffs = []
    for layer in layers:
        with layer.open("rb") as file:
            diffs.append("sha256:" + hashlib.file_digest(file, "sha256").hexdigest())
    machines = {"x86_64": "amd64", "aarch64": "arm64"}
    config = {
        "architecture": machines.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": diffs},
    }
    names = [f"layer{number}.tar" for number in range(1, len(layers) + 1)]
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": names}]
    with tarfile.open(archive, "w") as output:
        for member, document in (("config.json", config), ("manifest.json", manifest)):
            text = json.dumps(document).encode()
            info = tarfile.TarInfo(member)
            info.size = len(text)
            output.addfile(info, io.BytesIO(text))
        for member, layer in zip(names, layers, strict=True):
            output.add(layer, member)


def _program(name: str, package: str) -> Path:
    path = shutil.which(name)
    if path is None:
        raise CannotStart(f"{name} is not installed: apt-get install {package}")
    return Path(path)


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        output = (done.stdout + done.stderr)[-2000:]
        raise CannotStart(f"{' '.join(command)} failed ({done.returncode}):\n{output}")
    return done.stdout
