"""What of a training is handed in, and its way into the evidence folder."""

from __future__ import annotations

import json
from pathlib import Path

from course_lib.errors import CampError
from course_lib.files import read_at_most
from course_lib.hand_in import put
from course_lib.language import Text
from course_lib.tune import training
from course_lib.tune.adapter import CONFIG, WEIGHTS
from course_lib.tune.tensors import MAX_BYTES

FOLDER = Path("evidence/03_xtuner")
NAME, SETTINGS, LOG, TALK = "assistant.json", "settings.txt", "training.jsonl", "talk.json"
PICKLE = "adapter_model.bin"
NO_PICKLE = Text(
    f"转换出来的是 {PICKLE}（pickle，评分从不加载）：加上 --safe-serialization 再转换一次",
    f"the conversion wrote {PICKLE} (a pickle, which is never loaded): convert again with "
    "--safe-serialization",
)


def collect(
    work_dir: Path | str, name: str, adapter: Path | str | None = None, folder: Path | str = FOLDER
) -> Path:
    """Copy what a training left into the evidence folder, say where that is, and return it.

    Args:
        work_dir: what ``xtuner train`` got as ``--work-dir``.
        name: the owner's name, as the tuned model says it.
        adapter: what ``xtuner convert pth_to_hf`` wrote; by default the newest adapter in
            ``work_dir`` or beside it.
        folder: where the evidence goes. An earlier set that differs is moved to
            ``evidence-before`` first, never overwritten; the transcript stays.

    Raises:
        CampError: something is missing; the text says which step makes it.
    """
    work, target = Path(work_dir), Path(folder)
    source = Path(adapter) if adapter is not None else _newest_adapter(work)
    if not (source / WEIGHTS).is_file() and (source / PICKLE).is_file():
        raise CampError(str(NO_PICKLE))
    found = {one: _bytes(source / one) for one in (WEIGHTS, CONFIG)}
    runs = sorted(path.parent for path in work.glob("*/vis_data/scalars.json"))
    if not runs:
        what = Text(
            f"{work} 里没有训练日志（*/vis_data/scalars.json）：先运行 xtuner train",
            f"no log of a training in {work} (*/vis_data/scalars.json): run xtuner train first",
        )
        raise CampError(str(what))
    logs = [_bytes(run / "scalars.json").decode("utf-8", "replace") for run in runs]
    found[LOG] = training.join(logs).encode()
    found[SETTINGS] = _bytes(runs[-1] / "config.py")
    found[NAME] = (json.dumps({"name": name.strip()}, ensure_ascii=False) + "\n").encode()
    put(target, found)
    return target


def _newest_adapter(work: Path) -> Path:
    places = ("", "*/", "*/*/", "../*/")
    found = [path.parent for place in places for path in work.glob(f"{place}{CONFIG}")]
    if not found:
        what = Text(
            f"{work} 里和旁边都没有适配器：先运行 xtuner convert pth_to_hf，或用 adapter= 指明目录",
            f"no adapter in or beside {work}: run xtuner convert pth_to_hf, or name its folder "
            "with adapter=",
        )
        raise CampError(str(what))
    return max(found, key=lambda path: (path / CONFIG).stat().st_mtime)


def _bytes(path: Path) -> bytes:
    try:
        return read_at_most(path, MAX_BYTES)
    except ValueError:
        what = Text(f"{path} 太大：把秩 r 调小", f"{path} is too large: lower the rank r")
        raise CampError(str(what)) from None
    except OSError as error:
        what = Text(
            f"{path} 读不出来（{error.strerror}）：先训练，再转换",
            f"{path} cannot be read ({error.strerror}): train, then convert",
        )
        raise CampError(str(what)) from None
