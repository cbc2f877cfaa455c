"""What an inbox elsewhere has, by its address."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from course_lib.bundle import is_learner_id
from grading.collect.archive import Archive, Damaged, Record
from grading.collect.sources import Offer, Trouble
from grading.inbox.client import Staff


def find_afar(inbox: Staff, archive: Archive) -> Iterator[Offer | Record | Trouble]:
    """Yield what the inbox has; of what was collected from there before, what is known of it.

    Raises:
        CampError: the inbox cannot be reached, or refused.
    """
    with tempfile.TemporaryDirectory() as folder:
        for receipt in inbox.submissions():
            label = f"{inbox.address} {receipt.id}"
            known: Record | None = None
            if is_learner_id(receipt.learner) and receipt.lesson in archive.course.lessons():
                try:
                    records = archive.records(receipt.learner, receipt.lesson).values()
                except Damaged as error:
                    yield Trouble(label, error.text)
                    continue
                known = next((one for one in records if one.source == label), None)
            if known:
                yield known
                continue
            place = Path(folder) / "bundle.zip"
            place.write_bytes(inbox.bundle(receipt))
            yield Offer(label, place, receipt.learner, receipt.lesson, receipt.received)
