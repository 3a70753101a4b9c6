"""The operations on the wire, as partners send them: PROTOCOL section 3, with every limit as a number."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from coalition.programme.card_number import normalised

POINTS_MAX = 1_000_000_000
OPERATIONS_MAX = 1_000
LINES_MAX = 500
VAT_RATES_MAX = 8
PAST_DAYS_MAX = 400
AHEAD_MINUTES_MAX = 10
TIMEOUT_S_MAX = 7 * 24 * 3600
TIMEOUT_S = 900
COUNTER_MAX = 9_999

# Characters that need no escaping in JSON, a URL or a log.
OPERATION_ID_PATTERN = r"^[A-Za-z0-9._:-]{1,64}$"
CARD_PATTERN = r"^[0-9A-Za-z][0-9A-Za-z -]{2,39}$"

OperationId = Annotated[str, Field(pattern=OPERATION_ID_PATTERN, examples=["0193a5b2-7c1e-7000-8000-5f3c1a2b4d6e"])]


def in_utc(moment: datetime) -> datetime:
    """Return the same moment in UTC."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("should lie between the years 1 and 9999 in UTC") from error


# One card and one moment, however they are written: the content that an operation's id stands for is the same.
CardNumber = Annotated[str, Field(pattern=CARD_PATTERN, examples=["2760 0000 0001 8"]), AfterValidator(normalised)]
Moment = Annotated[AwareDatetime, AfterValidator(in_utc)]
Points = Annotated[int, Field(strict=True, ge=1, le=POINTS_MAX)]
# No control characters, and none that turn the direction of what is read after them (UAX 9: embeddings and isolates).
TEXT_PATTERN = r"^[^\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]*$"
Text = Annotated[str, Field(min_length=1, max_length=64, pattern=TEXT_PATTERN)]
Amount = Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,3})?$", examples=["59.90"])]
Rate = Annotated[str, Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})?$", examples=["19"])]
StepUpCode = Annotated[str, Field(pattern=r"^[0-9]{6}$", examples=["408173"])]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])]


class WireModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class PurchaseLine(WireModel):
    article: Text
    amount: Amount
    quantity: Annotated[str, Field(pattern=r"^[0-9]{1,6}(\.[0-9]{1,3})?$")] = "1"
    category: Text | None = None
    vat_rate: Rate | None = None


class Purchase(WireModel):
    """What was bought; `amount` is in the programme's currency."""

    amount: Amount
    currency: Currency
    lines: Annotated[list[PurchaseLine], Field(max_length=LINES_MAX)] = []


class VatShare(WireModel):
    """The part of an earn's points that stems from sales at one VAT rate, per cent."""

    rate: Rate
    points: Points


class OperationModel(WireModel):
    id: OperationId
    card: CardNumber
    occurred_at: Moment
    shop: Text | None = None
    till: Text | None = None
    reference: Text | None = None

    def content(self) -> bytes:
        """Return what was asked, spelled one way: the same for two operations that ask the same."""
        # model_dump_json without its text in between.
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)


class Earn(OperationModel):
    """Points come in with a purchase; without `points` the partner's earn rule computes them from `purchase`. The
    payers of a `promotion` share what they cost; it is named, or given by its number."""

    type: Literal["earn"]
    points: Points | None = None
    purchase: Purchase | None = None
    vat: Annotated[list[VatShare], Field(min_length=1, max_length=VAT_RATES_MAX)] | None = None
    promotion: Text | None = None


class Burn(OperationModel):
    """Points are spent at a shop; never more than available. Above a sum that the programme sets the member's code is
    needed. `certificate` and `counter` only together: burned without a network, within what the hub signed."""

    type: Literal["burn"]
    points: Points
    purchase: Purchase | None = None
    step_up_code: Annotated[StepUpCode | None, Field(repr=False)] = None
    certificate: OperationId | None = None
    counter: Annotated[int | None, Field(strict=True, ge=0, le=COUNTER_MAX)] = None


class Reverse(OperationModel):
    """Undo an own earn or burn, whole or in part; without `points`: all that is left of it."""

    type: Literal["reverse"]
    operation_id: OperationId
    points: Points | None = None


class Reserve(OperationModel):
    """Set points aside for a purchase that is not finished; the time-out counts from the booking."""

    type: Literal["reserve"]
    points: Points
    timeout_s: Annotated[int, Field(strict=True, ge=1, le=TIMEOUT_S_MAX)] = TIMEOUT_S
    step_up_code: Annotated[StepUpCode | None, Field(repr=False)] = None


class Capture(OperationModel):
    """Spend an own reserve's points, all of them without `points`; the rest is freed."""

    type: Literal["capture"]
    reserve_id: OperationId
    points: Points | None = None


class Release(OperationModel):
    """Free an own reserve's points."""

    type: Literal["release"]
    reserve_id: OperationId


AnyOperation = Earn | Burn | Reverse | Reserve | Capture | Release
Operation = Annotated[AnyOperation, Field(discriminator="type")]


def named_id(operation: AnyOperation) -> str | None:
    """Return the id of the operation that this one refers to."""
    if operation.type == "reverse":
        return operation.operation_id
    if operation.type == "capture" or operation.type == "release":
        return operation.reserve_id
    return None


class Message(WireModel):
    """The body of POST /v1/messages."""

    # It stops at the first bad one: who wants them all goes on from there, as long as it has time.
    operations: Annotated[list[Operation], Field(min_length=1, max_length=OPERATIONS_MAX, fail_fast=True)]

    def fields_count(self) -> int:
        """Return how many fields the sender gave, in all the objects of the message."""
        count = len(self.model_fields_set)
        for operation in self.operations:
            count += len(operation.model_fields_set)
            purchase = operation.purchase if operation.type == "earn" or operation.type == "burn" else None
            if purchase is not None:
                count += len(purchase.model_fields_set) + sum(len(line.model_fields_set) for line in purchase.lines)
            if operation.type == "earn" and operation.vat is not None:
                count += sum(len(share.model_fields_set) for share in operation.vat)
        return count


def earned_points(*, amount: Decimal, earn_rate: Decimal) -> int:
    """Return the whole points for a purchase; parts of a point are dropped, as shops' receipts promise."""
    return int(amount * earn_rate)
