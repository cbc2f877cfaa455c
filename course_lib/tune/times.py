"""What the steps of a tool cost: time and memory, from the records that each run left."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from course_lib.language import Text
from course_lib.toolbox import records
from course_lib.toolbox.records import Outcome, Record


def steps(folders: Iterable[Path | str]) -> list[Record]:
    """Return the last passed run of each command in the folders, oldest first."""
    found: dict[tuple[str, ...], Record] = {}
    for folder in folders:
        for path in sorted((Path(folder) / records.FOLDER).glob("*.json")):
            record = records.read(path)
            if record is not None and record.outcome is Outcome.PASSED:
                found[str(folder), *record.words] = record
    return sorted(found.values(), key=lambda record: record.started)


def show_times(*folders: Path | str) -> None:
    """Print seconds and memory of each step, and their sum."""
    done = steps(folders)
    for record in done:
        what = " ".join([record.tool, *record.words[:2]])
        print(f"{record.seconds:7.0f} s {record.memory / 1e6:7.0f} MB  {what}")
    total = sum(record.seconds for record in done)
    print(Text(f"{total:7.0f} 秒，共 {len(done)} 步", f"{total:7.0f} s in {len(done)} steps"))
