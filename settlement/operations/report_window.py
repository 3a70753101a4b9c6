"""Report on windows: who owes whom, and the control totals that prove it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from coalition.database.pool import Connection, Pool
from settlement.documents.statement_json import read_json
from settlement.engine.line import Line
from settlement.engine.money import Currency, add_exactly, round_half_up
from settlement.engine.netting import Netting, net_out
from settlement.engine.sales import SalesPeriod
from settlement.engine.statement import Statement
from settlement.engine.states import ShareState, has_reached
from settlement.engine.tie_out import tie_out
from settlement.engine.total import KINDS, Kind
from settlement.stores.adjustments import Adjustment, load_adjustments, load_leaving, load_waiting
from settlement.stores.hub import (
    Programme,
    load_growths,
    load_partner_names,
    load_partner_sales,
    load_programme,
    load_sales,
    load_totals,
)
from settlement.stores.origins import load_origins
from settlement.stores.payments import Payment, load_payments
from settlement.stores.shares import Share, load_partner_shares, load_shares, load_statement_contents
from settlement.stores.windows import Window, WindowMove, find_window, load_moves, load_windows


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerReport:
    """One partner's figures in a window; `charge` is without the platform fee, `vat` what it owes less what it is owed.

    `net` > 0: it pays. `share` says what of it is payable, and what is paid."""

    partner: int
    name: str
    state: ShareState
    share: Share
    points: dict[Kind, int]
    operations: int
    charge: Decimal
    platform_fee: Decimal
    credit: Decimal
    vat: Decimal
    net: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlReport:
    """A window's points over all partners, tied out: their growth in points and at the point value."""

    points: dict[Kind, int]
    operations: int
    outstanding_growth: int
    outstanding_growth_value: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowReport:
    """A window with all that finance asks about it; until it is calculated, without partners and control totals.

    `netting` holds the payments to make, how many there would be without netting, and the operator's share.
    `sales` are the days on which what is booked occurred; None: nothing is. `adjustments` are money of earlier windows:
    taken into this one, or, until it is invoiced, what waits and will be; `leaving` goes from this one into later
    ones.
    """

    window: Window
    sales: SalesPeriod | None
    currency: Currency
    partners: tuple[PartnerReport, ...]
    control: ControlReport | None
    netting: Netting
    moves: tuple[WindowMove, ...]
    adjustments: tuple[Adjustment, ...]
    leaving: tuple[Adjustment, ...]
    payments: tuple[Payment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSummary:
    """A window in a list: what all its payers pay, what all its payees get; None until it is calculated."""

    window: Window
    sales: SalesPeriod | None
    currency: Currency
    shares: tuple[Share, ...]
    to_operator: Decimal | None
    to_partners: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerWindow:
    """A window as one partner sees it, with the days of its own sales; `share` None: none yet, or nothing to bill."""

    window: Window
    sales: SalesPeriod | None
    currency: Currency
    share: Share | None


async def list_windows(pool: Pool, *, after: int = 0, count_max: int = 100) -> list[WindowSummary]:
    """Return windows after a number, oldest first, with their nets."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        programme = await load_programme(connection)
        windows = await load_windows(connection, after=after, count_max=count_max)
        numbers = [window.window_no for window in windows]
        shares = await load_shares(connection, numbers, programme.currency)
        sales = await load_sales(connection, numbers, programme)
    shares_of: defaultdict[int, list[Share]] = defaultdict(list)
    for share in shares:
        shares_of[share.window_no].append(share)
    return [
        _summary(window, shares_of[window.window_no], sales.get(window.window_no), programme.currency)
        for window in windows
    ]


async def list_partner_windows(
    pool: Pool, partner: int, *, after: int = 0, count_max: int = 100
) -> list[PartnerWindow]:
    """Return windows after a number, oldest first, with one partner's shares in them."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        programme = await load_programme(connection)
        windows = await load_windows(connection, after=after, count_max=count_max)
        numbers = [window.window_no for window in windows]
        shares = await load_partner_shares(connection, numbers, partner, programme.currency)
        sales = await load_partner_sales(connection, numbers, partner, programme)
    share_of = {share.window_no: share for share in shares}
    return [
        PartnerWindow(
            window=window,
            sales=sales.get(window.window_no),
            currency=programme.currency,
            share=share_of.get(window.window_no),
        )
        for window in windows
    ]


async def report_window(pool: Pool, window_no: int) -> WindowReport:
    """Return all figures of one window.

    Raises:
        UnknownWindowError: there is no such window.
        TieOutError: its totals and members' points disagree.
    """
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        window = await find_window(connection, window_no)
        programme = await load_programme(connection)
        is_calculated = has_reached(window.state, "CALCULATED")
        partners = await _partner_reports(connection, window_no, programme)
        origins = await load_origins(connection, window_no, lanes=programme.lanes) if is_calculated else []
        return WindowReport(
            window=window,
            sales=(await load_sales(connection, [window_no], programme)).get(window_no),
            currency=programme.currency,
            partners=tuple(report for report, _ in partners),
            control=await _control_report(connection, window_no, programme) if is_calculated else None,
            netting=net_out({report.partner: lines for report, lines in partners}, programme.currency, origins),
            moves=tuple(await load_moves(connection, window_no)),
            adjustments=await _adjustments(connection, window, [report.partner for report, _ in partners], programme),
            leaving=tuple(await load_leaving(connection, window_no, programme.currency)),
            payments=tuple(await load_payments(connection, window_no, programme.currency)),
        )


async def _adjustments(
    connection: Connection, window: Window, partners: Sequence[int], programme: Programme
) -> tuple[Adjustment, ...]:
    if has_reached(window.state, "INVOICED"):
        return tuple(await load_adjustments(connection, window.window_no, programme.currency))
    waiting = await load_waiting(connection, programme.currency)
    return tuple(adjustment for adjustment in waiting if adjustment.partner in partners)


async def _partner_reports(
    connection: Connection, window_no: int, programme: Programme
) -> list[tuple[PartnerReport, tuple[Line, ...]]]:
    names = await load_partner_names(connection)
    shares = await load_shares(connection, [window_no], programme.currency)
    # Both are ordered by partner.
    statements = [read_json(content) for content in await load_statement_contents(connection, window_no)]
    return [
        (_partner_report(statement, share=share, name=names[share.partner]), statement.lines)
        for share, statement in zip(shares, statements, strict=True)
    ]


async def _control_report(connection: Connection, window_no: int, programme: Programme) -> ControlReport:
    totals = await load_totals(connection, window_no, lanes=programme.lanes)
    growths = await load_growths(connection, window_no, lanes=programme.lanes)
    control = tie_out(window_no, totals, growths, point_value=programme.point_value)
    points: dict[Kind, int] = dict.fromkeys(KINDS, 0)
    for total in totals:
        points[total.kind] += total.points
    return ControlReport(
        points=points,
        operations=control.operations,
        outstanding_growth=control.points,
        outstanding_growth_value=control.value,
    )


def _partner_report(statement: Statement, *, share: Share, name: str) -> PartnerReport:
    position = statement.position
    return PartnerReport(
        partner=statement.partner,
        name=name,
        state=share.state,
        share=share,
        points=statement.control.points,
        operations=sum(statement.control.operations.values()),
        charge=position.charge,
        platform_fee=position.platform_fee,
        credit=position.credit,
        vat=position.vat,
        net=position.net,
    )


def _summary(window: Window, shares: Sequence[Share], sales: SalesPeriod | None, currency: Currency) -> WindowSummary:
    is_calculated = has_reached(window.state, "CALCULATED")
    return WindowSummary(
        window=window,
        sales=sales,
        currency=currency,
        shares=tuple(shares),
        to_operator=_sum((share.net for share in shares if share.net > 0), currency) if is_calculated else None,
        to_partners=_sum((-share.net for share in shares if share.net < 0), currency) if is_calculated else None,
    )


def _sum(amounts: Iterable[Decimal], currency: Currency) -> Decimal:
    # Amounts are rounded already: this gives a sum of none its decimals.
    return round_half_up(add_exactly(amounts), currency)
