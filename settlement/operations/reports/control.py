"""Control totals: points, money and cash, each with what explains the difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from settlement.documents.report import Column, Report, Row, Source, Table
from settlement.engine.control import Control, Explanation
from settlement.engine.money import add_exactly, multiply_exactly
from settlement.engine.states import has_reached
from settlement.operations.reports.asked import Asked
from settlement.stores.adjustments import AdjustmentKind, sum_adjustments
from settlement.stores.money_reports import ShareMoney, load_money_by_share, load_paid
from settlement.stores.points_reports import LanePoints, load_points_by_lane, load_points_by_window
from settlement.stores.shares import Share, load_shares

COLUMNS = (
    Column("what", "word"),
    Column("points", "points"),
    Column("amount", "money"),
    Column("outcome", "word"),
)
SIGNS = {"issued": 1, "issue_reversed": -1, "redeemed": -1, "redeem_reversed": 1}
NOTHING = Decimal(0)
# Where a figure can be looked at.
_POINTS, _NETS, _AGEING = Source("reports/points"), Source("reports/nets"), Source("reports/ageing")
_PAYMENTS, _FUND = Source("reports/payments"), Source("reports/fund", table="fund_by_share")
SOURCES = {
    "control.partners.left": _POINTS,
    "control.partners.right": _AGEING,
    "control.balances.left": _AGEING,
    "control.balances.right": _AGEING,
    "control.lots.left": _AGEING,
    "control.origins.left": _AGEING,
    "control.origins.right": Source("reports/breakage"),
    "control.nets.left": _FUND,
    "control.service_fees": _NETS,
    "control.commissions": _NETS,
    "control.platform_fees": _NETS,
    "control.vat": _NETS,
    "control.growth.left": _POINTS,
    "control.growth.right": _FUND,
    "control.prices": _NETS,
    "control.paid_at_burn": _NETS,
    "control.prepaid": _NETS,
    "control.payable.left": _NETS,
    "control.payable.right": _NETS,
    "control.not_invoiced": _NETS,
    "control.adjusted": _PAYMENTS,
    "control.paid.left": _NETS,
    "control.paid.right": _NETS,
    "control.carried": _NETS,
    "control.overpaid": _NETS,
    "control.returned": _NETS,
    "control.not_billed": _POINTS,
    "control.expired": Source("reports/breakage"),
    "control.value_expired": Source("reports/breakage"),
    "control.unpaid": _PAYMENTS,
    "control.overdue": _PAYMENTS,
    "control.held": Source("reports/disputes"),
    "control.billed": _FUND,
    "control.fund.left": _FUND,
    "control.fund.right": _AGEING,
    "control.nets.right": _NETS,
    "control.debts": Source("debts"),
    "control.moved": Source("moves"),
    "control.lots.right": _AGEING,
}


@dataclass(frozen=True, slots=True)
class Books:
    """All books as they stand: points by lane and by window, money by share."""

    lanes: Sequence[LanePoints]
    windows: Mapping[int, Mapping[str, int]]
    money: Sequence[ShareMoney]
    shares: Sequence[Share]
    payments: Decimal
    beyond: Mapping[AdjustmentKind, Decimal]

    def points(self, *kinds: str) -> int:
        return sum(points for window in self.windows.values() for kind, points in window.items() if kind in kinds)

    def in_lanes(self, figure: str) -> int:
        return sum(getattr(lane, figure) for lane in self.lanes)


async def report_control(asked: Asked) -> Report:
    """Return every control total over all windows, the open one's points among them."""
    controls = await load_controls(asked)
    return asked.report(
        "control",
        *(
            Table(
                key=f"control_{group}",
                columns=COLUMNS,
                rows=tuple(row for control in controls[group] for row in _rows(asked, control)),
            )
            for group in ("points", "money", "cash")
        ),
        has_window=False,
    )


async def load_controls(asked: Asked) -> dict[str, tuple[Control, ...]]:
    """Return the control totals of points, money and cash."""
    books = await _load_books(asked)
    return {
        "points": (_partners(books), _balances(books), _lots(books), _origins(books)),
        "money": (_nets(books), _value_of_growth(asked, books)),
        "cash": (_payable(books), _paid(books), _fund(asked, books)),
    }


async def _load_books(asked: Asked) -> Books:
    calculated = [window.window_no for window in asked.windows if has_reached(window.state, "CALCULATED")]
    paid = await load_paid(asked.connection, asked.currency)
    return Books(
        lanes=await load_points_by_lane(asked.connection),
        windows=await load_points_by_window(asked.connection, asked.lanes),
        money=await load_money_by_share(asked.connection, calculated, point_value=asked.programme.point_value),
        shares=await load_shares(asked.connection, calculated, asked.currency),
        payments=add_exactly(amount for _, amount in paid.values()),
        beyond=await sum_adjustments(asked.connection, ("overpaid", "payment_returned"), asked.currency),
    )


def _partners(books: Books) -> Control:
    return Control(
        key="control.partners",
        unit="points",
        left=sum(sign * books.points(kind) for kind, sign in SIGNS.items()),
        right=books.in_lanes("outstanding"),
        explanations=_told(
            ("control.expired", -books.points("expired")),
            ("control.moved", books.points("moved_in") - books.points("moved_out")),
        ),
    )


def _balances(books: Books) -> Control:
    return Control(
        key="control.balances", unit="points", left=books.in_lanes("outstanding"), right=books.in_lanes("balances")
    )


def _lots(books: Books) -> Control:
    return Control(
        key="control.lots",
        unit="points",
        left=books.in_lanes("balances"),
        right=books.in_lanes("left_in_lots"),
        explanations=_told(("control.debts", books.in_lanes("debts"))),
    )


def _origins(books: Books) -> Control:
    return Control(
        key="control.origins",
        unit="points",
        left=books.in_lanes("left_in_lots"),
        right=books.in_lanes("booked_in_lots"),
    )


def _nets(books: Books) -> Control:
    return Control(
        key="control.nets",
        unit="money",
        left=add_exactly(share.for_points for share in books.money),
        right=add_exactly(share.net for share in books.shares),
        explanations=_told(
            ("control.service_fees", add_exactly(share.service_fee for share in books.money)),
            ("control.commissions", add_exactly(share.commission for share in books.money)),
            ("control.platform_fees", add_exactly(share.platform_fee for share in books.money)),
            # Not in the lines: it is added up per document.
            ("control.vat", add_exactly(share.vat for share in books.money)),
        ),
    )


def _value_of_growth(asked: Asked, books: Books) -> Control:
    billed = {share.window_no for share in books.money}
    growth = sum(
        sign * kinds.get(kind, 0)
        for window, kinds in books.windows.items()
        if window in billed
        for kind, sign in SIGNS.items()
    )
    return Control(
        key="control.growth",
        unit="money",
        left=multiply_exactly(growth, asked.programme.point_value),
        right=add_exactly(share.for_points for share in books.money),
        explanations=_told(*_beyond_value(books)),
    )


def _payable(books: Books) -> Control:
    invoiced = [share for share in books.shares if share.invoiced_on is not None]
    return Control(
        key="control.payable",
        unit="money",
        left=add_exactly(share.net for share in books.shares),
        right=add_exactly(share.payable for share in invoiced),
        explanations=_told(
            ("control.not_invoiced", -add_exactly(share.net for share in books.shares if share.invoiced_on is None)),
            ("control.held", -add_exactly(share.held for share in invoiced)),
            ("control.adjusted", add_exactly(share.adjusted for share in invoiced)),
        ),
    )


def _paid(books: Books) -> Control:
    invoiced = [share for share in books.shares if share.invoiced_on is not None]
    late = ("OVERDUE", "DEFAULTED")
    return Control(
        key="control.paid",
        unit="money",
        left=add_exactly(share.payable for share in invoiced),
        right=books.payments,
        explanations=_told(
            (
                "control.unpaid",
                -add_exactly(share.unpaid for share in invoiced if share.state not in (*late, "CARRIED_FORWARD")),
            ),
            ("control.overdue", -add_exactly(share.unpaid for share in invoiced if share.state in late)),
            ("control.carried", -add_exactly(share.unpaid for share in invoiced if share.state == "CARRIED_FORWARD")),
            # Money of these shares that is payable with later ones: it does not count towards what they are paid.
            ("control.overpaid", -books.beyond["overpaid"]),
            ("control.returned", -books.beyond["payment_returned"]),
        ),
    )


def _fund(asked: Asked, books: Books) -> Control:
    point_value = asked.programme.point_value
    billed = {share.window_no for share in books.money}
    not_billed = sum(
        sign * kinds.get(kind, 0)
        for window, kinds in books.windows.items()
        if window not in billed
        for kind, sign in SIGNS.items()
    )
    in_fund = [share for share in books.money if share.is_cleared]
    waiting = [share for share in books.money if not share.is_cleared]
    return Control(
        key="control.fund",
        unit="money",
        left=add_exactly(share.for_points for share in in_fund),
        right=multiply_exactly(books.in_lanes("outstanding"), point_value),
        explanations=_told(
            ("control.billed", add_exactly(share.for_points for share in waiting)),
            ("control.not_billed", multiply_exactly(not_billed, point_value)),
            ("control.value_expired", -multiply_exactly(books.points("expired"), point_value)),
            *((key, -amount) for key, amount in _beyond_value(books)),
            (
                "control.moved",
                multiply_exactly(books.points("moved_in") - books.points("moved_out"), point_value),
            ),
        ),
    )


def _beyond_value(books: Books) -> tuple[tuple[str, Decimal], ...]:
    """Return what the money for points comes to beyond their growth at the point value, by what it comes from."""
    money = books.money
    return (
        (
            "control.prices",
            add_exactly(share.issue_charge - share.redemption_credit - share.pool_valued for share in money),
        ),
        ("control.paid_at_burn", add_exactly(share.at_burn - share.at_burn_valued for share in money)),
        ("control.prepaid", add_exactly(share.prepaid - share.prepaid_valued for share in money)),
    )


def _told(*explanations: tuple[str, int | Decimal]) -> tuple[Explanation, ...]:
    """Leave out what explains nothing."""
    return tuple(Explanation(key, amount) for key, amount in explanations if amount)


def _rows(asked: Asked, control: Control) -> list[Row]:
    rows = [_row(asked, control, f"{control.key}.left", control.left)]
    rows += [_row(asked, control, explanation.key, explanation.amount) for explanation in control.explanations]
    if control.unexplained:
        rows.append(_row(asked, control, "control.unexplained", control.unexplained))
    outcome = "control.ties_out" if control.ties_out else "control.broken"
    return [*rows, _row(asked, control, f"{control.key}.right", control.right, outcome=outcome)]


def _row(asked: Asked, control: Control, what: str, figure: int | Decimal, *, outcome: str | None = None) -> Row:
    is_points = control.unit == "points"
    source = SOURCES.get(what)
    return Row(
        (what, figure if is_points else None, None if is_points else _amount(asked, Decimal(figure)), outcome),
        {} if source is None else {"points" if is_points else "amount": source},
    )


def _amount(asked: Asked, figure: Decimal) -> Decimal:
    """Return an amount with the currency's decimals; one that is finer keeps them all, so that the column adds up."""
    rounded = asked.rounded(figure)
    return rounded if rounded == figure else figure
