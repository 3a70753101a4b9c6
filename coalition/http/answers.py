"""The types of the answers, for OpenAPI and for the tests that check real answers against them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from coalition.journal.reconciliation import DifferenceClass, LineType


class AnswerModel(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BookedResult(AnswerModel):
    """`balance` and `available` are the account's right after this operation. `expires_at`: when a reserve times out;
    `grace_points` of a reversed burn had expired meanwhile, and live until the end of the day `grace_until`; `covered`:
    all that was left for an offline burn, the member owes the rest; `uncovered` points of a returned sale were gone,
    and stay issued."""

    id: str
    verdict: Literal["booked"]
    points: int
    balance: int
    available: int
    expires_at: datetime | None = None
    grace_points: int | None = None
    grace_until: date | None = None
    covered: int | None = None
    uncovered: int | None = None
    lane: int
    leaf: int
    window: int
    booked_at: datetime


class RefusedResult(AnswerModel):
    """A refusal with a place in the journal is final; one with `retryable` has none, and may be repeated.

    `operation_id_reused` names the lane and leaf of the operation that came first under this id. A refusal by a limit
    names the `limit`, what is `used` of it and `until` when it holds; `attempts_left` 0: ask for a new code."""

    id: str
    verdict: Literal["refused"]
    code: str
    retryable: bool = False
    available: int | None = None
    left: int | None = None
    state: Literal["captured", "released", "timed_out"] | None = None
    limit: int | None = None
    used: int | None = None
    until: datetime | None = None
    attempts_left: int | None = None
    lane: int | None = None
    leaf: int | None = None
    window: int | None = None
    booked_at: datetime | None = None


OperationResult = Annotated[BookedResult | RefusedResult, Field(discriminator="verdict")]


class OperationAnswer(RootModel[OperationResult]):
    """An operation's result as it was answered: booked or refused."""


class MessageAnswer(AnswerModel):
    """`message` is the SHA-256 of the body, in hexadecimal; one result for each operation, in order."""

    message: str
    results: list[OperationResult]


class Event(AnswerModel):
    """What happened to an own operation, or by itself to what it left; `result` is as it was answered. What happens by
    itself may have no operation and no moment at which it occurred, and results of its own kind."""

    lane: int
    leaf: int
    kind: str
    operation_id: str | None
    occurred_at: datetime | None
    booked_at: datetime
    window: int
    result: BookedResult | RefusedResult | dict[str, Any]


class EventsAnswer(AnswerModel):
    """`cursor` is where to go on, also after an answer without events; `more`: go on at once. In each lane events come
    in its order, whatever else is booked meanwhile; between lanes about as they were booked."""

    events: list[Event]
    cursor: str
    more: bool


class Expiry(AnswerModel):
    """`on` is the last day on which the points can be spent, in the programme's time zone."""

    on: date
    points: int


class OpenHold(AnswerModel):
    """Points set aside until `expires_at`; `operation_id` is that of an own reserve, and left out of others'."""

    points: int
    expires_at: datetime
    operation_id: str | None = None


class CardAnswer(AnswerModel):
    """In points, as of this moment. `available` is the balance less what is held; `holds` the open ones, `expiries` the
    whole schedule ahead, both soonest first."""

    card: str
    balance: int
    available: int
    held: int
    holds: list[OpenHold]
    expiries: list[Expiry]


class StepUpAnswer(AnswerModel):
    """A code is on its way: `sent_to` is the member's address, in part; until `expires_at` it opens one burn."""

    sent_to: str
    expires_at: datetime


class CertificateAnswer(AnswerModel):
    """`certificate` is the JSON text that the hub's key `keyid` signed, to the letter; `signature` is Ed25519 over its
    UTF-8 bytes, in base64. Burns name its `id` and each a counter of its own, from `counter_start` on."""

    certificate: str
    keyid: str
    signature: str


class ReconciliationGuide(AnswerModel):
    """What a reconciliation goes by: days are those of `time_zone`, `window` is the open one."""

    time_zone: str
    window: int
    days_max: int
    lines_max: int


class ReconciledTotals(AnswerModel):
    """Of a day: how many operations, their points by type (0 is left out), and the digest over their lines."""

    count: int
    points: dict[LineType, int]
    digest: str


class ReconciledDay(AnswerModel):
    """A day on which you or the hub has anything; `late` of the hub's operations occurred before the window in which
    they were booked was opened."""

    day: date
    agrees: bool
    late: int
    hub: ReconciledTotals


class PartnerLine(AnswerModel):
    """The operation as you sent it for comparison."""

    type: LineType
    points: int
    window: int | None = None


class HubLine(AnswerModel):
    """The operation as it was decided. `code`: why it was refused. `period` is the window that was open when it
    occurred; `late`: that is an earlier one than the `window` in which it was booked."""

    verdict: Literal["booked", "refused"]
    code: str | None = None
    type: str
    points: int
    window: int
    period: int
    late: bool
    day: date
    occurred_at: datetime
    booked_at: datetime
    lane: int
    leaf: int


class ReconciledDifference(AnswerModel):
    """One operation that the two books have otherwise. `late` and `other_window`: the amount agrees, the window does
    not, or is not named and an earlier one was open when it occurred; `other_day`: only the day differs."""

    difference: DifferenceClass
    id: str
    partner: PartnerLine | None
    hub: HubLine | None


class ReconciliationAnswer(AnswerModel):
    """To control totals `days`; to lines `differences`, and as `next` the id after which to go on, null: no more."""

    time_zone: str
    days: list[ReconciledDay] | None = None
    differences: list[ReconciledDifference] | None = None
    next: str | None = None


class LaneCheckpoint(AnswerModel):
    """A lane's journal: its size in leaves, and the Merkle root over them (RFC 6962), in hexadecimal."""

    lane: int
    size: int
    root: str


class CheckpointAnswer(AnswerModel):
    """Each lane as it was committed at that moment; kept with its signature it can't be denied later."""

    made_at: datetime
    lanes: list[LaneCheckpoint]


class RecordProof(AnswerModel):
    """`path`: hashes from the leaf's neighbour to the root's child, in hexadecimal. Of an own operation `message` is
    the SHA-256 of the body that it was booked from, which may have been answered only when it came again, and `index`
    its place there."""

    leaf: int
    message: str | None
    index: int | None
    path: list[str]


class InclusionAnswer(RecordProof):
    """The path of one record to the root of the lane's first `size` leaves."""

    lane: int
    size: int


class InclusionsAnswer(AnswerModel):
    """The paths of several records to the root of the lane's first `size` leaves, in the order asked for."""

    lane: int
    size: int
    proofs: list[RecordProof]


class ConsistencyAnswer(AnswerModel):
    """`path`: hashes that lead to both roots, in hexadecimal; none where both sizes are the same."""

    model_config = ConfigDict(extra="forbid", validate_by_name=True)

    lane: int
    from_: int = Field(alias="from")
    to: int
    path: list[str]


class HubKey(AnswerModel):
    """A JSON Web Key (RFC 8037) with the interval in which the hub signs with it."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    alg: Literal["EdDSA"]
    use: Literal["sig"]
    valid_from: datetime
    valid_until: datetime | None


class HubKeys(AnswerModel):
    keys: list[HubKey]


class Fault(AnswerModel):
    field: str
    code: str
    expected: str
    got: str


class Problem(AnswerModel):
    """RFC 9457. `code` is for machines and stays as it is; `errors` names every bad field, 5,000 at
    most."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    request_id: str
    errors: list[Fault]


class Health(AnswerModel):
    status: Literal["ok", "not_ready"]
