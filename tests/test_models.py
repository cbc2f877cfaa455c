"""Which model is used, and what is said of a folder that holds none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from course_lib import models
from course_lib.errors import CampError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A complete little model folder."""
    made = tmp_path / "tiny"
    made.mkdir()
    (made / "config.json").write_text(json.dumps({"model_type": "llama"}))
    (made / "tokenizer.json").write_text("{}")
    save_file({"a": torch.zeros(3, 4), "b": torch.ones(2)}, made / "model.safetensors")
    return made


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without GPU and without any model in its caches."""
    for name in ("CAMP_MODEL", "HF_HOME", "HF_HUB_CACHE", "MODELSCOPE_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CAMP_SHARE", str(tmp_path / "share"))
    monkeypatch.setenv("CAMP_LANG", "en")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "home"


def give_a_gpu(tmp_path: Path) -> None:
    """Put what NVIDIA's driver brings on the machine."""
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho NVIDIA A100, 81920 MiB, 550.54\n")
    tool.chmod(0o755)


def test_without_anything_it_is_the_course_s_own(capsys: pytest.CaptureFixture[str]) -> None:
    found = models.find()
    assert found.folder == models.BUILT_IN["camp-mini"]
    out = capsys.readouterr().out
    assert out == f"Model: {found.folder} (the course's own small model)\n"


def test_the_variable_decides_before_anything_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMP_MODEL", str(folder))
    found = models.find(say=None)
    assert (found.folder, "CAMP_MODEL" in str(found)) == (folder, True)
    assert models.find("camp-mini-base", say=None).folder == models.BUILT_IN["camp-mini-base"]


def test_a_gpu_machine_uses_the_internlm_that_lies_on_it(
    folder: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``CAMP_MODEL``, the camp's share, Hugging Face's cache, ModelScope's, then camp-mini."""
    name = "internlm2_5-1_8b-chat"
    (folder / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "x.Y"}}))
    places = [
        tmp_path / "share" / "Shanghai_AI_Laboratory" / name,
        home / f".cache/huggingface/hub/models--internlm--{name}/snapshots/abc",
        home / f".cache/modelscope/hub/Shanghai_AI_Laboratory/{name}",
        home / f".cache/modelscope/hub/models/Shanghai_AI_Laboratory/{name}",
    ]
    for place in places:
        shutil.copytree(folder, place)
    assert models.find(say=None).folder == models.BUILT_IN["camp-mini"]  # no GPU
    give_a_gpu(tmp_path)
    monkeypatch.setenv("CAMP_MODEL", "camp-mini-base")
    assert models.find(say=None).folder == models.BUILT_IN["camp-mini-base"]
    monkeypatch.delenv("CAMP_MODEL")
    for place in places:
        found = models.find(say=None)
        assert (found.folder, found.own_code) == (place, True)
        assert models.find(place, say=None).own_code  # and by name: it is a known place
        (place / "model.safetensors").unlink()
    found = models.find(say=None)
    assert found.folder == models.BUILT_IN["camp-mini"]
    assert f"{places[-1]} cannot be used: has no *.safetensors" in str(found)


def test_the_camp_s_share_is_where_internstudio_has_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seven = tmp_path / "share" / "Shanghai_AI_Laboratory" / "internlm2_5-7b-chat"
    shutil.copytree(folder, seven)
    give_a_gpu(tmp_path)
    assert models.find(say=None).folder == seven  # where the smaller one is missing
    monkeypatch.delenv("CAMP_SHARE")
    assert models.share() == Path("/root/share/new_models/Shanghai_AI_Laboratory")


def damage(folder: Path, how: str) -> None:
    """Make ``folder`` wrong in one way."""
    weights = folder / "model.safetensors"
    if how == "no folder":
        shutil.rmtree(folder)
    elif how == "parent":
        (folder / "config.json").unlink()
    elif how == "half downloaded":
        weights.write_bytes(weights.read_bytes()[:-5])
    elif how == "pointer":
        weights.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    elif how == "pickle":
        weights.rename(folder / "pytorch_model.bin")
    elif how == "shard missing":
        shards = {"a": "model-1.safetensors", "b": "model-2.safetensors"}
        weights.rename(folder / "model-1.safetensors")
        index = folder / "model.safetensors.index.json"
        index.write_text(json.dumps({"weight_map": shards}))
    elif how == "shards without index":
        weights.rename(folder / "model-00001-of-00002.safetensors")
    elif how == "no tokenizer":
        (folder / "tokenizer.json").unlink()
    elif how == "own code":
        config = {"model_type": "evil", "auto_map": {"AutoModelForCausalLM": "evil.Evil"}}
        (folder / "config.json").write_text(json.dumps(config))
    elif how == "own code of the tokenizer":
        config = {"auto_map": {"AutoTokenizer": ["evil.Evil", None]}}
        (folder / "tokenizer_config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("no folder", "no such folder"),
        ("parent", "no readable config.json"),
        ("half downloaded", "model.safetensors is incomplete"),
        ("pointer", "model.safetensors is incomplete"),
        ("pickle", "safetensors only, never .bin"),
        ("shard missing", "model-2.safetensors is incomplete"),
        ("shards without index", "lacks model.safetensors.index.json"),
        ("no tokenizer", "lacks the tokenizer"),
        ("own code", "does not run unknown code"),
        ("own code of the tokenizer", "does not run unknown code"),
    ],
)
def test_a_wrong_folder_gets_one_clear_line(folder: Path, how: str, said: str) -> None:
    assert models.find(folder, say=None).folder == folder
    damage(folder, how)
    with pytest.raises(CampError, match=said) as raised:
        models.find(folder, say=None)
    assert str(folder) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 2
