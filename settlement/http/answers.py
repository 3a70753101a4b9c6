"""The types of the answers, for OpenAPI and for the tests that check real answers against them."""

from datetime import date, datetime

from pydantic import Field

from coalition.http.answers import AnswerModel
from settlement.engine.document import Document
from settlement.engine.line import LineCode
from settlement.engine.states import ShareState, WindowState
from settlement.engine.total import Kind
from settlement.engine.vat import VatCategory
from settlement.stores.disputes import DisputeState


class PartnerWindow(AnswerModel):
    """A clearing window; `net` > 0: you pay. It and `share_state` are null until calculated, or without a share.

    `payable` is the net less what you dispute, with what comes from earlier windows once it is invoiced; `unpaid` is
    what is left of it; `due_on` is null until it is invoiced.

    `sales_from` and `sales_until` are the days of your first and last operation in it by `occurred_at`, in the
    programme's time zone; so far, while it is open; null: there is none.
    """

    window: int
    state: WindowState
    opened_at: datetime
    closed_at: datetime | None
    sales_from: date | None
    sales_until: date | None
    currency: str
    net: str | None
    share_state: ShareState | None
    payable: str | None
    unpaid: str | None
    due_on: date | None


class WindowsAnswer(AnswerModel):
    """`next` is the `after` of the next page; null: this is the last."""

    windows: list[PartnerWindow]
    next: int | None


class StatementWindow(AnswerModel):
    """Booked from `opened_at` on and before `closed_at`; the sales are of the days `sales_from` to `sales_until`.

    Both days are included, and are days of the programme's time zone. Null: only a platform fee is billed.
    """

    window: int
    opened_at: datetime
    closed_at: datetime
    sales_from: date | None = None
    sales_until: date | None = None


class StatementParty(AnswerModel):
    name: str
    address: list[str]


class StatementPartner(StatementParty):
    partner: int


class StatementCurrency(AnswerModel):
    code: str
    minor_units: int


class StatementLine(AnswerModel):
    """`amount` = points * price * rate with its sign, rounded half up once, without VAT; > 0: the partner owes it.

    `vat_rate` is in per cent; null in category O, which is not subject to VAT.
    """

    code: LineCode
    description_key: str
    terms_version: int
    points: int | None
    price: str
    rate: str | None
    amount: str
    operations: int
    vat_category: VatCategory | None
    vat_rate: str | None = None
    vat_country: str | None = None
    counterparty: int | None = None


class StatementTotals(AnswerModel):
    """net = charge + platform_fee + invoice_vat - credit - credit_note_vat."""

    charge: str
    platform_fee: str
    credit: str
    invoice_vat: str = "0.00"
    credit_note_vat: str = "0.00"
    net: str


class StatementVatGroup(AnswerModel):
    """The lines of one document and VAT treatment; `vat` is taken of their sum and rounded once."""

    vat_category: VatCategory
    vat_rate: str | None
    vat_country: str | None
    net: str
    vat: str


class StatementDocument(AnswerModel):
    """What an invoice (you owe) or a credit note (you are owed) comes to; gross = net + vat."""

    document: Document
    net: str
    vat: str
    gross: str
    breakdown: list[StatementVatGroup]


class KindTotal(AnswerModel):
    points: int
    operations: int


class StatementControl(AnswerModel):
    issued: KindTotal
    issue_reversed: KindTotal
    redeemed: KindTotal
    redeem_reversed: KindTotal
    outstanding_growth: int


class StatementOrigin(AnswerModel):
    """Points by the VAT rate, per cent, of the sales they came from; null: unknown."""

    kind: Kind
    vat_rate: str | None
    points: int


class StatementMatrixRow(AnswerModel):
    """Points that one of two partners pays for and the other redeemed; `amount` is the redeemer's credit for them."""

    partner: int
    name: str
    points: int
    amount: str


class StatementMonthOfVat(AnswerModel):
    month: str
    points: int
    vat: str


class StatementRateOfVat(AnswerModel):
    """`vat` is the VAT in `value`, from sales of that rate, per cent; null: not stated."""

    vat_rate: str | None
    points: int
    value: str
    vat: str
    months: list[StatementMonthOfVat]


class StatementBlock(AnswerModel):
    block: int
    points: int
    left: int


class StatementBlocks(AnswerModel):
    """Prepaid points: closing = opening + bought - issued + overdraft."""

    opening: int
    bought: int
    issued: int
    overdraft: int
    closing: int
    warn_below: int | None
    is_low: bool
    blocks: list[StatementBlock]


class StatementPriorPeriod(AnswerModel):
    """What was sold before the window and booked in it because it came late; part of the lines and control totals."""

    kind: Kind
    points: int
    operations: int
    sales_from: date
    sales_until: date


class StatementAnswer(AnswerModel):
    """Canonical JSON (sorted keys, no blanks); money is text."""

    format: str
    number: str
    window: StatementWindow
    made_at: datetime
    operator: StatementParty
    partner: StatementPartner
    currency: StatementCurrency
    lines: list[StatementLine]
    totals: StatementTotals
    documents: list[StatementDocument] = Field(default_factory=list)
    control: StatementControl
    origins: list[StatementOrigin]
    points_elsewhere: list[StatementMatrixRow] = Field(default_factory=list)
    points_here: list[StatementMatrixRow] = Field(default_factory=list)
    burned_vat: list[StatementRateOfVat] = Field(default_factory=list)
    expired_vat: list[StatementRateOfVat] = Field(default_factory=list)
    blocks: StatementBlocks | None = None
    prior_periods: list[StatementPriorPeriod] = Field(default_factory=list)


class DisputedLineAnswer(AnswerModel):
    code: LineCode
    terms_version: int


class DisputeAnswer(AnswerModel):
    """`held` was taken out of what is payable. `accepted` of `amount` is yours; FALLEN: the statement was replaced by a
    new one, which you may dispute."""

    dispute: int
    partner: int
    window: int
    state: DisputeState
    line: DisputedLineAnswer | None
    operation_ids: list[str]
    amount: str
    held: str
    reason: str
    received_at: datetime
    answer_until: date
    accepted: str | None
    answer: str | None
    resolved_at: datetime | None


class DisputesAnswer(AnswerModel):
    """`next` is the `after` of the next page; null: this is the last."""

    disputes: list[DisputeAnswer]
    next: int | None
