"""What a user lists: paths, manifests, earlier reports, digests, a ComfyUI folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from comfy_assets.errors import InputError
from comfy_assets.library import comfyui, lists, rows
from comfy_assets.library.items import Item, LeftOut, Problem
from comfy_assets.library.options import Options
from comfy_assets.library.sources import Given, Source, of_paths
from comfy_assets.library.walking import Patterns

DIGEST = "ab" * 32


def listed(path: Path, content: bytes) -> lists.Text:
    path.write_bytes(content)
    return lists.Text.of(str(path))


def items(source: Source) -> list[Item]:
    return [one for one in source() if isinstance(one, Item)]


def reasons(source: Source) -> list[str]:
    return [one.reason for one in source() if isinstance(one, Problem)]


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
def test_paths_with_any_byte(tmp_path: Path) -> None:
    """With NUL, a path may hold a newline and bytes that are no UTF-8; a missing one is told, the rest goes on."""
    names = [b"a\nb", b"\xff", b"plain", b"c\r"]
    for name in names:
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).touch()
    whole = b"\0".join(os.fsencode(tmp_path) + b"/" + name for name in [*names, b"missing"])
    source = lists.paths(listed(tmp_path / "list", whole), b"\0", ["t"], Options(), Patterns())
    assert [os.path.basename(os.fsencode(one.path)) for one in items(source)] == names
    assert len(reasons(source)) == 1


def test_paths_are_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `name_from` path, files and what lies below listed folders are named as the list has them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").touch()
    source = lists.paths(
        listed(tmp_path / "l", b"a/b/c\n\na\n"), b"\n", ["t"], Options(name_from="path"), Patterns()
    )
    assert [one.name for one in items(source)] == ["a/b/c", "a/b/c"]


def test_long_list_keeps_its_pieces(tmp_path: Path) -> None:
    """A path that lies across two pieces of the list is one path."""
    paths = [f"{'x' * 200}/{number}" for number in range(2000)]
    source = lists.paths(
        listed(tmp_path / "l", "\n".join(paths).encode()), b"\n", ["t"], Options(), Patterns()
    )
    assert [one.path for one in source() if isinstance(one, Problem)] == paths


def test_manifest_rows(tmp_path: Path) -> None:
    """A row's name and MIME type replace the options', its tags and metadata come on top; a bad row is told."""
    (tmp_path / "f.png").touch()
    path = str(tmp_path / "f.png")
    good = [
        {"path": path, "tags": ["own"], "name": "N", "metadata": {"a": 1}, "mime_type": "x/y"},
        {"path": path, "user_metadata": {"base": 2}},
        {"hash": f"blake3:{DIGEST}"},
        {"hash": f"sha256:{DIGEST}", "path": "gone/elsewhere.bin"},
    ]
    bad = [b"rubbish", b"[]", b"{}", b'{"path": 1}', b'{"path": "x", "tag": ["t"]}', b'{"path": "x", "tags": [1]}',
           b'{"path": "x", "metadata": {"n": NaN}}', b"[" * 100_000, b'{"path": "a\\u0000b"}',
           json.dumps({"path": str(tmp_path), "name": "n"}).encode()]  # fmt: skip
    text = listed(tmp_path / "m", b"\n".join([*(json.dumps(one).encode() for one in good), *bad]))
    source = rows.manifest(text, ["t"], Options(metadata={"base": 1}, mime_type="o/p"))
    first, second, third, fourth = items(source)
    assert (first.name, first.tags, first.metadata, first.mime_type) == (
        "N",
        ("own", "t"),
        {"base": 1, "a": 1},
        "x/y",
    )
    assert (second.name, second.tags, second.metadata, second.mime_type) == (
        "f.png",
        ("t",),
        {"base": 2},
        "o/p",
    )
    assert (third.name, third.hash, third.look) == (None, f"blake3:{DIGEST}", None)
    assert (fourth.name, fourth.look) == ("elsewhere.bin", None)
    assert len(reasons(source)) == len(bad)


def test_manifest_as_csv(tmp_path: Path) -> None:
    """CSV, with a byte order mark as Excel writes it: tags with commas or as JSON, metadata as JSON."""
    (tmp_path / "f").touch()
    path = tmp_path / "f"
    content = f'\ufeffpath,tags,metadata\r\n{path},"a, b","{{""k"": [1]}}"\r\n{path},"[""c,d""]",\r\n{path},x,nojson\r\n{path}\r\n'
    source = rows.manifest(listed(tmp_path / "m.csv", content.encode()), (), Options())
    assert [(one.tags, one.metadata) for one in items(source)] == [(("a", "b"), {"k": [1]}), (("c,d",), None)]
    assert len(reasons(source)) == 2


def test_manifest_that_no_run_can_use(tmp_path: Path) -> None:
    """A column that nobody knows, no tags anywhere and a file that is not there are said before anything starts."""
    with pytest.raises(InputError, match="unknown column 'pfad'"):
        rows.manifest(listed(tmp_path / "a", b"pfad,tags\nx,y\n"), (), Options())
    with pytest.raises(InputError, match="no tags"):
        rows.manifest(listed(tmp_path / "b", b'{"path": "x"}\n'), (), Options())
    with pytest.raises(InputError, match="cannot be read"):
        lists.Text.of(str(tmp_path / "missing"))
    with pytest.raises(InputError, match="is no report"):
        rows.undone(listed(tmp_path / "c", b'{"path": "x"}\n'), (), Options())


def test_every_form_of_digests() -> None:
    """Lines of b3sum and sha256sum, plain, binary, escaped and tagged, and of `comfy-assets hash`."""
    forms = {
        f"{DIGEST}  a b": (b"a b", f"sha256:{DIGEST}"),
        f"{DIGEST} *a": (b"a", f"sha256:{DIGEST}"),
        f"{DIGEST.upper()}  a": (b"a", f"sha256:{DIGEST}"),
        f"\\{DIGEST}  a\\nb\\\\n": (b"a\nb\\n", f"sha256:{DIGEST}"),
        f"blake3:{DIGEST}  a": (b"a", f"blake3:{DIGEST}"),
        f"BLAKE3 (a (1)) = {DIGEST}": (b"a (1)", f"blake3:{DIGEST}"),
        f"SHA256 (a) = {DIGEST}": (b"a", f"sha256:{DIGEST}"),
    }
    assert {line: lists.parsed(line.encode(), "sha256") for line in forms} == forms
    for line in (DIGEST, f"{DIGEST[1:]}  a", f"MD5 (a) = {DIGEST}", "a  " + DIGEST):
        assert lists.parsed(line.encode(), "sha256") is None


def test_digest_of_a_file_that_was_written_later(tmp_path: Path) -> None:
    """A list knows nothing of files that are newer than itself, and a line that is no digest is refused."""
    for name in ("old", "new"):
        (tmp_path / name).write_text(name)
    text = listed(
        tmp_path / "sums", "".join(f"{DIGEST}  {tmp_path / name}\n" for name in ("old", "new")).encode()
    )
    future = os.stat(text.path).st_mtime_ns + 10**9
    os.utime(text.path, ns=(future, future))
    os.utime(tmp_path / "new", ns=(future + 10**9, future + 10**9))
    digests = lists.Digests()
    assert digests.add(text, "sha256") == 2
    known = items(digests.used_for(of_paths([tmp_path / "old", tmp_path / "new"], ["t"], Options())))
    assert [one.hash for one in known] == [f"sha256:{DIGEST}", None]
    with pytest.raises(InputError, match=":1 is no digest"):
        digests.add(listed(tmp_path / "bad", b"rubbish\n"), "blake3")


def comfy(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def tags_of(given: list[Given]) -> dict[str, list[str]]:
    return {str(one.name): list(one.tags) for one in given if isinstance(one, Item)}


def test_comfyui_folder(tmp_path: Path) -> None:
    """Models have `models` and the key of their folder, deeper folders and old names notwithstanding."""
    root = comfy(
        tmp_path / "c", "models/checkpoints/sub/a.safetensors", "models/clip/b.sft", "models/unet/d", "models/own/e",
        "models/loras/put_loras_here", "models/configs/x.yaml", "input/i.png", "output/o/p.png", "temp/t", "main.py",
    )  # fmt: skip
    given = list(comfyui.source(str(root), (), ["more"], Options(name_from="path"), comfyui.Mapping.of())())
    assert tags_of(given) == {
        "sub/a.safetensors": ["models", "checkpoints", "more"],
        "b.sft": ["models", "text_encoders", "more"],
        "d": ["models", "diffusion_models", "more"],
        "e": ["models", "own", "more"],
        "i.png": ["input", "more"],
        "o/p.png": ["output", "more"],
    }


def test_extra_model_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`extra_model_paths.yaml` is read as ComfyUI reads it; a folder that is not there is told, one twice is walked once."""
    root = comfy(tmp_path / "c", "models/vae/v", "input/i")
    comfy(tmp_path / "a", "SD/m", "Lora/n", "LyCORIS/o")
    monkeypatch.setenv("ELSEWHERE", str(tmp_path / "a"))
    (root / "extra_model_paths.yaml").write_text(
        "a111:\n  base_path: $ELSEWHERE\n  is_default: true\n  checkpoints: SD\n  custom_nodes: nodes\n"
        "  loras: |\n    Lora\n    LyCORIS\n  clip: nowhere\nagain:\n  base_path: ./models\n  vae: vae/\n"
    )
    given = list(comfyui.source(str(root), (), (), Options(), comfyui.Mapping.of())())
    assert tags_of(given) == {
        "v": ["models", "vae"], "m": ["models", "checkpoints"], "n": ["models", "loras"], "o": ["models", "loras"],
        "i": ["input"],
    }  # fmt: skip
    assert len([one for one in given if isinstance(one, Item)]) == 5
    assert [os.path.basename(one.path) for one in given if isinstance(one, LeftOut)] == ["nowhere"]


def test_other_mapping(tmp_path: Path) -> None:
    """A user's own mapping replaces what it names, and is refused in words where it cannot be used."""
    root, own = comfy(tmp_path / "c", "models/vae/v"), tmp_path / "own.yaml"
    own.write_text("model_tags: [models, '{folder}', 'model_type:{folder}']\nkeys: {vae: VAE}\n")
    given = list(comfyui.source(str(root), (), (), Options(), comfyui.Mapping.of(str(own)))())
    assert tags_of(given) == {"v": ["models", "VAE", "model_type:VAE"]}
    for content in ("model_tags: models", "keys: [a]", "tags: [a]", "[", "- a", "model_tags: [1]"):
        own.write_text(content)
        with pytest.raises(InputError, match=r"own\.yaml"):
            comfyui.Mapping.of(str(own))


def test_no_comfyui_folder(tmp_path: Path) -> None:
    """Another folder is not taken for one; neither is a broken extra_model_paths.yaml passed by."""
    with pytest.raises(InputError, match="no ComfyUI folder"):
        comfyui.places(str(tmp_path), (), comfyui.Mapping.of())
    comfy(tmp_path, "input/i", "extra_model_paths.yaml")
    (tmp_path / "extra_model_paths.yaml").write_text("a: [")
    with pytest.raises(InputError, match="no YAML"):
        comfyui.places(str(tmp_path), (), comfyui.Mapping.of())
