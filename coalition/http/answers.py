"""The types of the answers, for OpenAPI and for the tests that check real answers against them."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel


class AnswerModel(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BookedResult(AnswerModel):
    """`balance` and `available` are the account's right after this operation."""

    id: str
    verdict: Literal["booked"]
    points: int
    balance: int
    available: int
    lane: int
    leaf: int
    window: int
    booked_at: datetime


class RefusedResult(AnswerModel):
    """A refusal with a place in the journal is final; one with `retryable` has none, and may be repeated.

    `operation_id_reused` names the lane and leaf of the operation that came first under this id."""

    id: str
    verdict: Literal["refused"]
    code: str
    retryable: bool = False
    available: int | None = None
    left: int | None = None
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


class Expiry(AnswerModel):
    """`on` is the last day on which the points can be spent, in the programme's time zone."""

    on: date
    points: int


class CardAnswer(AnswerModel):
    """In points. `available` is the balance less what is held; `expiries` the next ones, soonest first."""

    card: str
    balance: int
    available: int
    held: int
    expiries: list[Expiry]


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
    """RFC 9457. `code` is for machines and stays as it is; `errors` names every bad field."""

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
