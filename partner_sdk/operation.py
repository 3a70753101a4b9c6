"""What a partner can ask of the hub: earn, burn, reserve, capture, release, reverse.

Every limit of the protocol that does not need the hub's clock is checked when an operation is made, so that a wrong
one is found at the till and never waits in the outbox. Not checked here: how far `occurred_at` lies from now, and
whether VAT shares add up.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from partner_sdk.errors import FieldFault, InvalidOperationError
from partner_sdk.operation_id import new_operation_id

POINTS_MAX = 1_000_000_000
TEXT_LENGTH_MAX = 64
LINES_MAX = 500
VAT_RATES_MAX = 8
TIMEOUT_DEFAULT_S = 900
TIMEOUT_MAX_S = 604_800
COUNTER_MAX = 9_999


def _exact_decimal(value: object) -> object:
    if isinstance(value, float | bool):
        raise ValueError(f"write decimals as text or Decimal: {value!r} may already be rounded")
    return value


def _iso_moment(value: object) -> object:
    form = "must be a datetime or ISO 8601 with a zone, such as 2026-11-21T18:04:11+01:00"
    try:
        # Anything but text is refused as what it is.
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as fault:
        raise ValueError(f"{form} (got {value!r:.60})") from fault
    if moment.tzinfo is None:
        raise ValueError(f"{form} (got {moment.isoformat()})")
    return moment


Points = Annotated[int, Field(strict=True, ge=1, le=POINTS_MAX)]
# No control characters: they have no place on a receipt, in a log or in a URL.
# As the hub takes it: no control characters, and none that turn the direction of what is read after them.
TEXT_PATTERN = r"^[^\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]*$"
Text = Annotated[str, Field(strict=True, min_length=1, max_length=TEXT_LENGTH_MAX, pattern=TEXT_PATTERN)]
CardNumber = Annotated[str, Field(strict=True, pattern=r"^[0-9A-Za-z][0-9A-Za-z -]{2,39}$")]
OperationId = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
# What a member reads out to the till; kept out of messages like the card, and out of repr.
StepUpCode = Annotated[str, Field(strict=True, pattern=r"^[0-9]{6}$")]
_ExactDecimal = Annotated[
    Decimal,
    BeforeValidator(_exact_decimal),
    Field(ge=0, allow_inf_nan=False),
    PlainSerializer(lambda value: format(value, "f"), return_type=str),
]
Amount = Annotated[_ExactDecimal, Field(lt=1_000_000_000, decimal_places=3)]
Quantity = Annotated[_ExactDecimal, Field(lt=1_000_000, decimal_places=3)]
Rate = Annotated[_ExactDecimal, Field(lt=100, decimal_places=2)]
Moment = Annotated[datetime, BeforeValidator(_iso_moment)]


class _Checked(BaseModel):
    """A frozen model that raises the SDK's own error instead of pydantic's."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    path: ClassVar[str] = ""

    # Hidden from type checkers, which then know the fields of each model as its arguments.
    if not TYPE_CHECKING:

        def __init__(self, **fields: Any) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as fault:
                faults = [_field_fault(self.path, error) for error in fault.errors(include_url=False)]
                raise InvalidOperationError(type(self).__name__.lower(), faults) from fault


def _field_fault(path: str, error: ErrorDetails) -> FieldFault:
    field = path + ".".join(map(str, error["loc"]))
    # A card leads to a person, a code opens a burn: they are kept out of messages, which end up in logs.
    is_shown = field not in ("card", "step_up_code") and error["type"] not in {"missing", "value_error"}
    came = error["input"].isoformat() if isinstance(error["input"], datetime) else repr(error["input"])
    got = f" (got {came:.60})" if is_shown else ""
    return FieldFault(field=field, reason=error["msg"].removeprefix("Value error, ") + got)


class PurchaseLine(_Checked):
    """One line of a purchase."""

    path: ClassVar[str] = "purchase.lines."
    article: Text
    amount: Amount
    quantity: Quantity = Decimal(1)
    category: Text | None = None
    vat_rate: Rate | None = None


class Purchase(_Checked):
    """What was bought; an earn without points leaves them to the partner's earn rule."""

    path: ClassVar[str] = "purchase."
    amount: Amount
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    lines: Annotated[list[PurchaseLine], Field(max_length=LINES_MAX)] = Field(default_factory=list)


class VatShare(_Checked):
    """How many of an earn's points come from sales at one VAT rate, in percent."""

    path: ClassVar[str] = "vat."
    rate: Rate
    points: Points


class _Operation(_Checked):
    id: OperationId = Field(default_factory=new_operation_id)
    card: CardNumber
    occurred_at: Moment = Field(default_factory=lambda: datetime.now(UTC))
    shop: Text | None = None
    till: Text | None = None
    reference: Text | None = None

    def to_json(self) -> bytes:
        """Return the exact bytes that are saved and sent, however often they are sent."""
        return self.model_dump_json(exclude_none=True).encode()

    def is_said_by(self, saved: bytes) -> bool:
        """Tell whether bytes that were saved before say this; a moment that was left out is the one saved then."""
        if "occurred_at" in self.model_fields_set:
            return saved == self.to_json()
        first = datetime.fromisoformat(json.loads(saved)["occurred_at"])
        return saved == self.model_copy(update={"occurred_at": first}).to_json()


class Earn(_Operation):
    """Points come in with a purchase: give `points`, or a `purchase` for the earn rule, or both. The payers of a
    `promotion`, given by its name, share what they cost."""

    type: Literal["earn"] = "earn"
    points: Points | None = None
    purchase: Purchase | None = None
    vat: Annotated[list[VatShare], Field(min_length=1, max_length=VAT_RATES_MAX)] | None = None
    promotion: Text | None = None

    @model_validator(mode="after")
    def _has_points_or_purchase(self) -> "Earn":
        if self.points is None and self.purchase is None:
            raise ValueError("points: give points, or a purchase to compute them from")
        return self


class Burn(_Operation):
    """A member spends points at a shop; `step_up_code` is the member's, which large burns need.

    `certificate` and `counter` are those of a burn without a network, which `Coalition.burn_offline` numbers.
    """

    type: Literal["burn"] = "burn"
    points: Points
    purchase: Purchase | None = None
    step_up_code: StepUpCode | None = Field(default=None, repr=False)
    certificate: OperationId | None = None
    counter: Annotated[int, Field(strict=True, ge=0, le=COUNTER_MAX)] | None = None


class Reserve(_Operation):
    """Set points aside until capture, release or time-out, which the hub counts from the booking."""

    type: Literal["reserve"] = "reserve"
    points: Points
    timeout_s: Annotated[int, Field(strict=True, ge=1, le=TIMEOUT_MAX_S)] = TIMEOUT_DEFAULT_S
    step_up_code: StepUpCode | None = Field(default=None, repr=False)


class Capture(_Operation):
    """Spend what was reserved: `points` of it, and the rest is free again; without `points`, all of it."""

    type: Literal["capture"] = "capture"
    reserve_id: OperationId
    points: Points | None = None


class Release(_Operation):
    """Give all reserved points back to the member."""

    type: Literal["release"] = "release"
    reserve_id: OperationId


class Reverse(_Operation):
    """Undo an earlier operation; without `points`, all that is left of it."""

    type: Literal["reverse"] = "reverse"
    operation_id: OperationId
    points: Points | None = None


Operation = Earn | Burn | Reserve | Capture | Release | Reverse

KINDS: dict[str, type[Operation]] = {
    "earn": Earn,
    "burn": Burn,
    "reserve": Reserve,
    "capture": Capture,
    "release": Release,
    "reverse": Reverse,
}


def parse_operation(fields: Mapping[str, Any]) -> Operation:
    """Return the typed operation of fields read from a file. Raises InvalidOperationError."""
    if not isinstance(fields, Mapping):
        raise InvalidOperationError("operation", [FieldFault("", f"expected the fields of one, got {_kind(fields)}")])
    kind = fields.get("type")
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        reason = f"must be one of {', '.join(KINDS)} (got {kind!r:.60})"
        raise InvalidOperationError("operation", [FieldFault(field="type", reason=reason)])
    return model(**fields)


def list_of_operations(given: Iterable[Operation]) -> list[Operation]:
    """Return what was given as a list. Raises InvalidOperationError for anything that is no operation.

    Looked at because a program without type checks passes one operation, which could be gone through field by field,
    or the fields of one as they lie in a file.
    """
    if not isinstance(given, Iterable) or isinstance(given, BaseModel | Mapping | str | bytes):
        fault = FieldFault("", f"expected a list of operations, got {_kind(given)}")
        raise InvalidOperationError("operations", [fault])
    every = list(given)
    faults = [
        FieldFault(str(number), f"expected an operation, such as Earn(...), got {_kind(one)}{_advice(one)}")
        for number, one in enumerate(every)
        if not isinstance(one, _Operation)
    ]
    if faults:
        raise InvalidOperationError("operations", faults)
    return every


def _kind(value: object) -> str:
    # Not the value: it may name a card.
    return "None" if value is None else type(value).__name__


def _advice(value: object) -> str:
    return ": parse_operation() makes one of it" if isinstance(value, Mapping) else ""
