import io
import tarfile
import zipfile

from benchmarks.direct import _Chunks, tar_to_zip


def tar_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        folder = tarfile.TarInfo("ccp_data")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, data in files.items():
            info = tarfile.TarInfo(f"ccp_data/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def test_the_plain_way_from_tar_to_zip(tmp_path):
    files = {"x": b"hi\n", "large": bytes(range(256)) * 1000}
    data = tar_of(files)
    chunks = [data[begin : begin + 777] for begin in range(0, len(data), 777)]
    stream = io.BufferedReader(_Chunks([b"", *chunks]), 1000)
    target = tmp_path / "out.zip"
    tar_to_zip(stream, target)
    with zipfile.ZipFile(target) as packed:
        found = {name: packed.read(name) for name in packed.namelist()}
    assert found == {f"ccp_data/{name}": content for name, content in files.items()}


def test_chunks_end():
    assert io.BufferedReader(_Chunks([b"ab", b"", b"c"])).read() == b"abc"
    assert io.BufferedReader(_Chunks([])).read() == b""
