"""Content hashes."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from pathlib import Path

import blake3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy_assets import InputError, defaults, hash_file, specification

#: Published digests: of the empty input (BLAKE3 test vectors; FIPS 180-4 examples), and of "abc".
VECTORS = [
    (b"", "blake3", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
    (b"", "sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (b"abc", "blake3", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
    (b"abc", "sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
]


@pytest.mark.parametrize(("content", "algorithm", "digest"), VECTORS)
def test_published_vectors(tmp_path: Path, content: bytes, algorithm: str, digest: str) -> None:
    """The digests are those that the algorithms' authors publish."""
    path = tmp_path / "file"
    path.write_bytes(content)
    assert hash_file(path, algorithm) == f"{algorithm}:{digest}"


@given(
    size=st.integers(0, 3 * defaults.READ_SIZE)
    | st.sampled_from([defaults.READ_SIZE + edge for edge in (-1, 0, 1)]),
    seed=st.binary(min_size=1, max_size=8),
)
def test_any_size(tmp_path: Path, size: int, seed: bytes) -> None:
    """Reading piece by piece gives the digest of the whole, also at the edges of the buffer."""
    content = (seed * (size // len(seed) + 1))[:size]
    path = tmp_path / "file"
    path.write_bytes(content)
    pieces: list[int] = []
    assert hash_file(path, on_read=pieces.append) == "blake3:" + blake3.blake3(content).hexdigest()
    assert hash_file(path, "sha256") == "sha256:" + hashlib.sha256(content).hexdigest()
    assert sum(pieces) == size


def test_form_is_the_contracts(tmp_path: Path) -> None:
    """What hash_file gives satisfies the contract's pattern of `hash`, for each algorithm."""
    path = tmp_path / "file"
    path.write_bytes(b"x")
    schemas = specification.load().document["components"]["schemas"]
    pattern = schemas["CreateAssetFromHashRequest"]["properties"]["hash"]["pattern"]
    for algorithm in ("blake3", "sha256"):
        assert re.search(pattern, hash_file(path, algorithm))


def test_what_is_no_file(tmp_path: Path) -> None:
    """A folder, a pipe that nobody writes to, a socket and a device are named as what they are, at once."""
    os.mkfifo(tmp_path / "pipe")
    for path, words in [
        (tmp_path, "a folder"),
        (tmp_path / "pipe", "a pipe"),
        (Path("/dev/zero"), "a device"),
    ]:
        with pytest.raises((InputError, IsADirectoryError), match=words + "|directory"):
            hash_file(path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        with pytest.raises((InputError, OSError)):
            hash_file(tmp_path / "socket")


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    """A missing file is a FileNotFoundError; a name that no file can have, and an unknown algorithm, are InputErrors."""
    with pytest.raises(FileNotFoundError):
        hash_file(tmp_path / "missing")
    with pytest.raises(InputError, match="no file can have the name"):
        hash_file("a\0b")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="unknown hash algorithm 'md5': expected one of blake3, sha256"):
        hash_file(tmp_path / "file", "md5")


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    """Whatever happens, no file stays open."""
    (tmp_path / "file").touch()
    before = set(os.listdir("/proc/self/fd"))
    for path in (tmp_path / "file", tmp_path, Path("/dev/null")):
        try:
            hash_file(path)
        except (InputError, OSError):
            pass
    assert set(os.listdir("/proc/self/fd")) == before
