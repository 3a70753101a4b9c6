"""What can go wrong in the hub, in one tree.

CoalitionError                    code, message; the base of all below
├── SettingError                  a setting or flag is missing or wrong
├── DatabaseError
│   ├── EmbeddedDatabaseError     the embedded PostgreSQL did not start
│   ├── DistributionRefusedError  the tables can't be set up over several servers as things stand; says what is missing
│   └── DatabaseUnreachableError  no answer within the time set; may be repeated
├── NotFoundError                 a partner, member, window, key by that name is not there
├── AlreadyThereError             a name or key is taken
├── StateConflictError            what was asked does not fit how things stand
│   ├── GiftRefusedError          points can not be given from a card to another; carries the reason
│   └── WindowArchivedError       what is asked for left the database with its window; names it
├── InvalidTermsError             a partner's first terms break a limit; carries the fields at fault
├── PartnerFileRefusedError       a file of partners is refused; names every line or field at fault
├── WebhookRefusedError           a webhook's URL may not be called
├── ArchiveBrokenError            a window's archive is not as its hub wrote it; names the line
├── RequestRefusedError           a whole message is refused; carries status and the fields at fault
└── OverloadedError               a queue is full; may be repeated after `retry_after_s`
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal


class CoalitionError(Exception):
    """The base: `code` is stable and for machines, the text is for people."""

    code = "error"


class SettingError(CoalitionError):
    code = "setting"


class DatabaseError(CoalitionError):
    code = "database"


class EmbeddedDatabaseError(DatabaseError):
    code = "embedded_database"


class DistributionRefusedError(DatabaseError):
    code = "distribution_refused"


class DatabaseUnreachableError(DatabaseError):
    code = "database_unreachable"


class NotFoundError(CoalitionError):
    code = "not_found"


class AlreadyThereError(CoalitionError):
    code = "already_there"


class StateConflictError(CoalitionError):
    code = "state_conflict"


GiftReason = Literal["off", "card_state", "may_not_spend", "own_card", "day_limit", "not_available"]


class GiftRefusedError(StateConflictError):
    """`points` is the number that the reason is about: what a card may still give today, or what is available."""

    code = "gift_refused"

    def __init__(self, reason: GiftReason, message: str, *, points: int = 0) -> None:
        super().__init__(message)
        self.reason = reason
        self.points = points


class WindowArchivedError(StateConflictError):
    """What is asked for left the database with its window; the operator can bring it back."""

    code = "window_archived"

    def __init__(self, *, window_no: int, readable_from: date | None = None) -> None:
        detail = f"The operations of window {window_no} are archived; they are read again once it is restored."
        if readable_from is not None:
            detail += f" Days from {readable_from} on can be compared."
        super().__init__(detail)
        self.window_no = window_no


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One bad field: where, what was expected, what came (shortened)."""

    field: str
    code: str
    expected: str
    got: str


class InvalidTermsError(CoalitionError):
    """A partner's first terms break limits; `faults` names every bad field."""

    code = "invalid_terms"

    def __init__(self, *, faults: tuple[FieldFault, ...]) -> None:
        listed = "; ".join(f"{fault.field}: expected {fault.expected}, got {fault.got}" for fault in faults)
        super().__init__(f"the terms are not valid: {listed}")
        self.faults = faults


class PartnerFileRefusedError(CoalitionError):
    """A file of partners is refused, and nobody is taken in; `faults` says where and what, one text each."""

    code = "partner_file_refused"
    SHOWN_MAX = 50

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        more = [f"and {len(faults) - self.SHOWN_MAX} more"] if len(faults) > self.SHOWN_MAX else []
        listed = "\n  ".join([*faults[: self.SHOWN_MAX], *more])
        super().__init__(f"nobody is taken in; {len(faults)} {'fault' if len(faults) == 1 else 'faults'}:\n  {listed}")


class WebhookRefusedError(CoalitionError):
    """A webhook's URL may not be called; `reason` says what was expected, or where it leads."""

    code = "webhook_refused"

    def __init__(self, *, url: str, reason: str) -> None:
        super().__init__(f"{url[:200]!r} can be no webhook: {reason}")
        self.url = url
        self.reason = reason


class ArchiveBrokenError(CoalitionError):
    """A window's archive is not as its hub wrote it; `line` is at fault, counted from 1; 0: the file as a whole."""

    code = "archive_broken"

    def __init__(self, path: Path, line: int, fault: str) -> None:
        super().__init__(f"{path}: line {line}: {fault}" if line else f"{path}: {fault}")
        self.path = path
        self.line = line


class RequestRefusedError(CoalitionError):
    """A whole request is refused and nothing of it booked; `faults` names every bad field."""

    def __init__(
        self,
        *,
        status: int,
        code: str,
        detail: str,
        faults: tuple[FieldFault, ...] = (),
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
        self.status = status
        self.code = code
        self.faults = faults


class OverloadedError(CoalitionError):
    code = "overloaded"

    def __init__(self, *, waiting: int, limit: int, retry_after_s: int) -> None:
        super().__init__(f"{waiting} operations wait, {limit} may; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s
