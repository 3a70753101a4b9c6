"""The demo's outcome as tables of at most 100 columns."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.table import Table

from coalition.demo.bill import NAMES, PartnerBill, WindowBill, add_up, outstanding_of
from coalition.demo.partners import CURRENCY, POINT_VALUE

# More windows than these are shown as one line each and one sum per partner.
WINDOWS_IN_FULL_MAX = 2


def tables(bills: Sequence[WindowBill]) -> Iterable[Table]:
    """Yield the tables of a run: partners by window or over all windows, the windows, the control totals."""
    if len(bills) <= WINDOWS_IN_FULL_MAX:
        for bill in bills:
            yield _partners_table(f"Window {bill.window}, {bill.period}", [bill])
    else:
        yield _partners_table(f"Partners over {len(bills)} windows", bills)
    yield _windows_table(bills)
    total = add_up(share for bill in bills for share in bill.partners.values())
    yield _control_table(total, cover=sum((bill.cover for bill in bills), Decimal("0.00")))


def _partners_table(title: str, bills: Sequence[WindowBill]) -> Table:
    table = _table(title, "Partner", "Issued", "Redeemed", "Charges + fees", "Credits", f"Pays {CURRENCY}", "Is paid")
    shares = {
        slug: add_up(bill.partners[slug] for bill in bills if slug in bill.partners)
        for slug in NAMES
        if any(slug in bill.partners for bill in bills)
    }
    for slug, share in shares.items():
        table.add_row(NAMES[slug], *_figures(share), *_net([share]))
    table.add_section()
    table.add_row("all", *_figures(add_up(shares.values())), *_net(shares.values()))
    return table


def _windows_table(bills: Sequence[WindowBill]) -> Table:
    table = _table(
        "Windows", "Window", "Operations", "Issued", "Redeemed", "To operator", "To partners", f"Sum {CURRENCY}"
    )
    for bill in bills:
        total = add_up(bill.partners.values())
        table.add_row(
            f"{bill.window:>2}  {bill.period}",
            f"{bill.operations:,}",
            f"{total.issued:,}",
            f"{total.redeemed:,}",
            *_net(bill.partners.values()),
            f"{total.net:,}",
        )
    return table


def _control_table(total: PartnerBill, *, cover: Decimal) -> Table:
    table = Table(title="Control totals", title_justify="left", box=SIMPLE_HEAD, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    points = total.points
    outstanding = outstanding_of(points)
    for label, value in (
        ("points issued", f"{points['issued']:,}"),
        ("- issues reversed", f"{points['issue_reversed']:,}"),
        ("- redeemed", f"{points['redeemed']:,}"),
        ("+ redemptions reversed", f"{points['redeem_reversed']:,}"),
        ("= points outstanding", f"{outstanding:,}"),
    ):
        table.add_row(label, value)
    table.add_section()
    for label, amount in (
        (f"charges to partners, {CURRENCY}", total.charge),
        ("+ platform fees", total.platform_fee),
        ("- credits to partners", total.credit),
        ("+ VAT charged less VAT credited", total.vat),
        ("= sum of all nets", total.net),
        ("of it cover for points that are paid for", cover),
        (f"value of all points outstanding, at {POINT_VALUE} each", outstanding * POINT_VALUE),
    ):
        table.add_row(label, f"{amount:,}")
    return table


def _figures(share: PartnerBill) -> tuple[str, ...]:
    return f"{share.issued:,}", f"{share.redeemed:,}", f"{share.charge + share.platform_fee:,}", f"{share.credit:,}"


def _net(shares: Iterable[PartnerBill]) -> tuple[str, str]:
    """Return what those who pay pay, and what those who are paid get; nothing for 0."""
    nets = [share.net for share in shares]
    pays = sum((net for net in nets if net > 0), Decimal(0))
    is_paid = -sum((net for net in nets if net < 0), Decimal(0))
    return f"{pays:,}" if pays else "", f"{is_paid:,}" if is_paid else ""


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=True)
    for header in others:
        table.add_column(header, justify="right", no_wrap=True)
    return table
