"""Everything that the SDK raises, in one tree.

    CoalitionError
    ├── InvalidOperationError       a field is outside the protocol's limits; nothing was saved or sent
    ├── AddressInvalidError         the hub's address is not an http or https URL
    ├── KeyUnusableError            a key file is missing, unreadable, or not Ed25519
    ├── OutboxError                 the outbox file cannot be opened, read or written
    │   ├── OutboxKeyError          operations wait that another key saved, perhaps another partner's; nothing was sent
    │   ├── OperationIdReusedError  the id is in the outbox already, with other content
    │   └── UnknownOperationError   the outbox holds no such operation, or no answer for it yet
    ├── BooksInvalidError           a file to reconcile has other columns or bad rows; nothing was compared
    ├── InvalidPeriodError          days and a window, or days in the wrong order
    ├── CertificateUnusableError    an offline burn does not fit its certificate, or the hub did not sign that
    ├── WebhookInvalidError         a webhook is not provably the hub's, not of now, or not for this partner
    ├── RefusedError                the hub's signed verdict on one operation: not booked
    ├── MessageRejectedError        the hub refused the message as a whole (4xx); nothing of it was booked
    │   └── NotAuthorizedError      401 or 403: signature, key, clock, or the partner is suspended
    ├── HubUnreachableError         gave up for now; the operations wait in the outbox
    └── ReceiptInvalidError         the answer's signature is missing or wrong; the operations wait in the outbox
        ├── HubKeyChangedError      the answer is signed by a key that is not pinned
        ├── HubKeyEndedError        the answer is signed by a key that the hub had ended by then
        └── AnswerNotUnderstoodError  the signature is right, but the content is not what the protocol says

Each has a stable `code`, `is_retryable` (may the same call succeed later, unchanged?), and the hub's `request_id` where
it told one; what to do next, where that is known, is in its notes (`__notes__`), which a traceback shows. A failure of
the caller's own code (a TypeError for a wrong argument, CancelledError) is not dressed up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from partner_sdk.refusal_text import NEXT

if TYPE_CHECKING:
    from partner_sdk.receipt import Receipt
    from partner_sdk.result import Result


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One field that is wrong, and why."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}" if self.field else self.reason


class CoalitionError(Exception):
    """The root: catch it to catch everything that the SDK raises."""

    code: str = "coalition_error"
    is_retryable: ClassVar[bool] = False

    def __init__(self, text: str, *, request_id: str | None = None) -> None:
        super().__init__(text)
        self.request_id = request_id


class InvalidOperationError(CoalitionError):
    """The operation breaks a limit of the protocol; it was neither saved nor sent."""

    code = "invalid_operation"

    def __init__(self, kind: str, faults: Sequence[FieldFault]) -> None:
        super().__init__(f"{kind}: " + "; ".join(map(str, faults)))
        self.faults = tuple(faults)


class AddressInvalidError(CoalitionError):
    """The hub's address is not an http or https URL."""

    code = "address_invalid"


class KeyUnusableError(CoalitionError):
    """The key cannot be used: no such file, not PEM, encrypted, or not Ed25519."""

    code = "key_unusable"


class OutboxError(CoalitionError):
    """The outbox file cannot be opened, read or written."""

    code = "outbox"


class OutboxKeyError(OutboxError):
    """Operations wait that another key saved, and the hub does not say that it is the same partner's: none is sent.

    `is_other_partner`: it says that it is not; else it has decided nothing by that key, and a person may know better.
    """

    code = "outbox_key"

    def __init__(self, *, path: Path, saved_by: str, keyid: str, is_other_partner: bool) -> None:
        why = (
            "the hub tells this one nothing of what it decided for that"
            if is_other_partner
            else "the hub has decided nothing by that, so that nothing shows whose it was"
        )
        super().__init__(f"operations wait in {path} that key {saved_by} saved, not this one, {keyid}; {why}")
        self.saved_by, self.keyid, self.is_other_partner = saved_by, keyid, is_other_partner
        if not is_other_partner:
            self.add_note(f"if it was this partner's key before: `outbox adopt {saved_by}`, then flush")
        self.add_note(
            "flush with that key; or put the file away: `outbox export --saved-by KEYID` writes what `send` takes"
        )


class OperationIdReusedError(OutboxError):
    """The outbox already holds this id with other content; the first one stays."""

    code = "operation_id_reused"

    def __init__(self, operation_ids: Sequence[str]) -> None:
        super().__init__(f"saved before with other content: {', '.join(operation_ids)}")
        self.operation_ids = tuple(operation_ids)
        self.add_note("give each sale an id of its own; `outbox show ID` shows what was saved under one")


class UnknownOperationError(OutboxError):
    """The outbox holds no such operation, or it has no answer yet."""

    code = "unknown_operation"


class BooksInvalidError(CoalitionError):
    """A file of the partner's books can't be read: other columns, or bad rows. Nothing of it was compared."""

    code = "books_invalid"

    def __init__(self, path: Path, faults: Sequence[FieldFault]) -> None:
        super().__init__(f"{path}: " + "; ".join(map(str, faults)))
        self.faults = tuple(faults)


class InvalidPeriodError(CoalitionError):
    """What is to be compared is no period: both days and a window, or days in the wrong order."""

    code = "invalid_period"


class CertificateUnusableError(CoalitionError):
    """An offline burn does not fit its certificate, and nothing was saved; or the certificate is not the hub's.

    `code` is certificate_unknown, certificate_other, certificate_expired, certificate_spent (`left` tells the points
    that still fit) or certificate_forged.
    """

    code = "certificate_unusable"

    def __init__(self, code: str, reason: str, *, left: int | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.left = left


class WebhookInvalidError(CoalitionError):
    """A webhook is not provably the hub's word for this partner of this moment: answer it 4xx, and believe nothing."""

    code = "webhook_invalid"


class RefusedError(CoalitionError):
    """The hub did not book the operation. An expected answer, signed; `code` is the hub's reason.

    Final, unless `is_retryable`: then what it lacks may still come (an unknown card, a reversal before its original),
    and the operation waits in the outbox for the next flush. `left` comes with `more_than_left`: the points that could
    still be captured or reversed; `state` with `hold_resolved`: captured, released or timed_out. The figures of a limit
    (`limit`, `used`, `until`, `attempts_left`) are in `result`.
    """

    def __init__(self, result: "Result") -> None:
        details = "".join(f", {name} {value}" for name, value in result.told.items())
        super().__init__(f"operation {result.id} refused: {result.code}{details}")
        self.result = result
        self.code = result.code or "refused"
        self.available = result.available
        self.left = result.left
        self.state = result.state
        if (advice := NEXT.get(self.code)) is not None:
            self.add_note(advice)

    @property
    def is_retryable(self) -> bool:  # type: ignore[override]
        return self.result.is_retryable


class MessageRejectedError(CoalitionError):
    """The hub refused the whole request with a final 4xx; `faults` names every bad field that it told.

    Only a signed refusal (`receipt` is set) is the hub's word. An unsigned one may come from any proxy between:
    it ends the call, but decides nothing, and the operations go on waiting.
    """

    def __init__(
        self,
        text: str,
        *,
        status: int,
        code: str,
        faults: Sequence[FieldFault] = (),
        request_id: str | None = None,
        receipt: "Receipt | None" = None,
    ) -> None:
        unsigned = "" if receipt else " (unsigned)"
        super().__init__(f"{status} {code}{unsigned}: {_said_once(text, faults)}", request_id=request_id)
        self.status = status
        self.code = code
        self.faults = tuple(faults)
        self.receipt = receipt


class NotAuthorizedError(MessageRejectedError):
    """401 or 403: the signature or key was not accepted, this machine's clock is wrong, or the partner is suspended."""


class HubUnreachableError(CoalitionError):
    """No answer within `give_up_after_s`, or the hub asked to come back after that. Nothing is lost: flush later."""

    code = "hub_unreachable"
    is_retryable = True

    def __init__(
        self, reason: str, *, attempts: int, retry_after_s: float | None = None, request_id: str | None = None
    ) -> None:
        later = "" if retry_after_s is None else f"; come back in {retry_after_s:g} s"
        tried = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        super().__init__(f"gave up after {tried}: {reason}{later}", request_id=request_id)
        self.attempts = attempts
        self.retry_after_s = retry_after_s


class ReceiptInvalidError(CoalitionError):
    """The answer is not provably the hub's answer to this very request."""

    code = "receipt_invalid"
    is_retryable = True


class HubKeyChangedError(ReceiptInvalidError):
    """The answer is signed by a key that is not pinned, and no pinned key vouches for it."""

    code = "hub_key_changed"

    def __init__(self, *, keyid: str, pinned: Sequence[str]) -> None:
        super().__init__(f"signed by hub key {keyid!r}, pinned are {', '.join(sorted(pinned)) or 'none'}")
        self.keyid = keyid
        self.add_note(
            "if the hub lost its key: fetch the new one (`coalition-partner keys`), compare it with the operator, "
            "and name it by --hub-key or hub_key="
        )


class HubKeyEndedError(ReceiptInvalidError):
    """The answer is signed by a key of the hub that was ended before."""

    code = "hub_key_ended"

    def __init__(self, *, keyid: str, ended_at: datetime) -> None:
        super().__init__(f"signed by hub key {keyid!r} after its end, {ended_at.isoformat()}")
        self.keyid = keyid


class AnswerNotUnderstoodError(ReceiptInvalidError):
    """The answer carries the hub's signature, but not the content that the protocol promises."""

    code = "answer_not_understood"

    def __init__(self, reason: str, *, content: Any = None) -> None:
        shown = "" if content is None else f": {str(content)[:200]}"
        super().__init__(f"{reason}{shown}")


def _said_once(text: str, faults: Sequence[FieldFault]) -> str:
    """Return the hub's sentence and the fields at fault, without what one of them repeats of the other."""
    named = [str(fault) for fault in faults if str(fault) not in text]
    why = text.removesuffix(".")
    if any(why in fault for fault in named):
        return "; ".join(named)
    return f"{why}: {'; '.join(named)}" if named else text
