"""Receipts: what a learner has in hand, signed with a key that never leaves the inbox."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from course_lib.errors import CampError
from course_lib.files import write_new

KEY = "receipt.key"
BUNDLES = "bundles"
"""The folder of what was accepted, which the receipts are about."""


class Receipt(BaseModel):
    """What was received: the bundle with this SHA-256 lies in the inbox.

    Attributes:
        id: of the submission.
        learner: whose it is.
        lesson: its lesson.
        cohort: the learner's.
        number: 1 for the learner's first submission of the lesson that the inbox took.
        sha256: of the bundle's bytes.
        received: when, in UTC.
        place: where it lies, below the inbox's data folder.
        queue: the place in the queue when it came: one more than others of the cohort who waited
            for feedback on what they had handed in of the lesson.
        signature: HMAC-SHA256 (RFC 2104) over :meth:`signed` in hexadecimal digits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    learner: str
    lesson: str
    cohort: str
    number: int = Field(ge=1)
    sha256: str
    received: str
    place: str
    queue: int = Field(ge=1)
    signature: str = ""

    def signed(self) -> bytes:
        """Return the bytes that the signature covers: all other fields, in their order, as JSON."""
        return self.model_dump_json(exclude={"signature"}).encode()


class Signer:
    """Signs receipts and tells whether a receipt is one of its own."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, receipt: Receipt) -> Receipt:
        """Return ``receipt`` with its signature."""
        return receipt.model_copy(update={"signature": self._signature(receipt)})

    def is_ours(self, receipt: Receipt) -> bool:
        """Tell whether this inbox signed ``receipt``, unchanged since."""
        return hmac.compare_digest(self._signature(receipt).encode(), receipt.signature.encode())

    def _signature(self, receipt: Receipt) -> str:
        return hmac.new(self._key, receipt.signed(), hashlib.sha256).hexdigest()


def signer(data: Path, *, new: bool = False) -> Signer:
    """Return the signer of the inbox in ``data``; ``new`` makes its key where there is none.

    It is not made anew for an inbox that gave receipts: they would look forged.

    Raises:
        CampError: there is no key, others may read it, or it is none.
    """
    path = data / KEY
    if new and not path.exists() and not any((data / BUNDLES).glob("*.zip")):
        write_new(path, secrets.token_hex(32) + "\n")
    try:
        mode = path.stat().st_mode & 0o777
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        if new:
            raise CampError(
                f"{data} holds bundles but no {KEY}: put it back from your backup"
            ) from None
        raise CampError(f"no inbox in {data} (no {KEY}): name its folder with --data") from None
    except ValueError:
        raise CampError(f"{path} is no key: put it back from your backup") from None
    if mode & 0o077:
        raise CampError(f"{path} can be read by others: run chmod 600 on it")
    if len(key) != 32:
        raise CampError(f"{path} is no key: put it back from your backup")
    return Signer(key)


def read_receipt(path: Path) -> Receipt:
    """Return the receipt in a file.

    Raises:
        CampError: it is none.
    """
    try:
        return Receipt.model_validate_json(path.read_bytes())
    except (ValidationError, UnicodeDecodeError):
        raise CampError(
            f"{path} is no receipt: name the JSON file that camp submit kept", 2
        ) from None
