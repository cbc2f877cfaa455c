"""What an inbox elsewhere has, by its address."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from course_lib.bundle import BadBundle
from grading.collect.archive import Archive, reason_of
from grading.collect.record import Damaged, Record
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
            place = Path(folder) / "bundle.zip"
            try:
                archive.check(receipt.learner, receipt.lesson)
                records = archive.records(receipt.learner, receipt.lesson).values()
                known = next((one for one in records if one.source == label), None)
                if not known:
                    place.write_bytes(inbox.bundle(receipt))
            except (BadBundle, Damaged) as error:
                whose = f"{label} ({receipt.learner}, {receipt.lesson})"
                yield Trouble(whose, reason_of(error))
                continue
            yield known or Offer(label, place, receipt.learner, receipt.lesson, receipt.received)
