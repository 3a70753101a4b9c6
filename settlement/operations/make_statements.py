"""Make a closed window's statements from its books, and from nothing else."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from coalition.database.pool import Connection
from coalition.stores.exits import find_leavers
from settlement.engine.bill import WindowBooks, bill
from settlement.engine.matrix import MatrixCell, matrix_differences
from settlement.engine.netting import net_out
from settlement.engine.prepaid import account_of
from settlement.engine.prior_period import PriorPeriod, has_late_items, prior_periods
from settlement.engine.statement import Party, Statement, WindowPeriod, make_statement, party_on_letter
from settlement.engine.terms import FundingSpan, Terms, spans_of_funding
from settlement.engine.tie_out import tie_out
from settlement.engine.total import WindowTotal
from settlement.errors import Difference, TieOutError
from settlement.stores.adjustments import load_waiting
from settlement.stores.hub import (
    Programme,
    load_fee_payers,
    load_growths,
    load_partner_names,
    load_programme,
    load_totals,
)
from settlement.stores.late_items import load_late_items
from settlement.stores.legal_parties import load_legal_parties
from settlement.stores.origins import load_origins, load_vat_origins
from settlement.stores.prepaid import PrepaidRule, load_blocks, load_issued, load_rules
from settlement.stores.sales_begin import load_sales_begin
from settlement.stores.terms import load_all_terms
from settlement.stores.twice_booked import Operation, Place, find_twice_booked
from settlement.stores.windows import Window
from settlement.worded import Worded

Row = TypeVar("Row")


async def make_statements(connection: Connection, window: Window, *, now: datetime) -> list[Statement]:
    """Return the statements of a closed window, by partner; nothing is written.

    Raises:
        TieOutError: partners' totals and members' points disagree, or the two books of points.
    """
    programme = await load_programme(connection)
    books = await load_books(connection, window, programme)
    lines = bill(books)
    differences = matrix_differences(lines, books.origins)
    if differences:
        raise TieOutError(window=window.window_no, differences=differences)
    # Refuses a window whose nets do not sum to the operator's share.
    netting = net_out(lines, programme.currency, books.origins)
    for partner in await _also_concerned(connection, window):
        lines.setdefault(partner, ())
    names = await load_partner_names(connection)
    parties = await load_legal_parties(connection)
    late = await _prior_periods(connection, books, programme)
    # By partner once: to look through those of all for each of them would take partners times as long.
    totals, cells = _by_partner(books.totals, lambda total: total.partner), _cells_of_partners(netting.matrix)
    burned_or_expired = await load_vat_origins(connection, window.window_no, lanes=programme.lanes)
    vat_origins = _by_partner(burned_or_expired, lambda origin: origin.payer)
    return [
        make_statement(
            period=_period(window, programme),
            zone=programme.zone,
            made_at=now.astimezone(programme.zone),
            operator=party_on_letter(parties.operator) or Party(name=programme.name),
            partner=partner,
            addressee=party_on_letter(parties.partners.get(partner), seen_from=parties.operator)
            or Party(name=names[partner]),
            currency=programme.currency,
            lines=partner_lines,
            totals=totals.get(partner, ()),
            origins=vat_origins.get(partner, ()),
            matrix=cells.get(partner, ()),
            names=names,
            point_value=programme.point_value,
            blocks=books.accounts.get(partner),
            prior_periods=late.get(partner, ()),
        )
        for partner, partner_lines in sorted(lines.items())
    ]


def _by_partner(rows: Iterable[Row], partner: Callable[[Row], int]) -> dict[int, list[Row]]:
    found: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[partner(row)].append(row)
    return found


def _cells_of_partners(matrix: Iterable[MatrixCell]) -> dict[int, list[MatrixCell]]:
    """Return those that a partner pays for or redeemed, in the matrix's order."""
    found: defaultdict[int, list[MatrixCell]] = defaultdict(list)
    for cell in matrix:
        for partner in {cell.payer, cell.redeemer}:
            found[partner].append(cell)
    return found


def _issuer_pays(terms: Iterable[Terms]) -> list[FundingSpan]:
    versions = _by_partner(terms, lambda version: version.partner)
    return [span for of_one in versions.values() for span in spans_of_funding(of_one, "issuer_pays")]


async def _also_concerned(connection: Connection, window: Window) -> list[int]:
    """Return who gets a statement with or without lines: it is its last, or money of earlier windows waits for it."""
    waiting = await load_waiting(connection, (await load_programme(connection)).currency)
    return [*await find_leavers(connection, window.window_no), *(each.partner for each in waiting)]


async def load_books(connection: Connection, window: Window, programme: Programme) -> WindowBooks:
    """Return all that a closed window's bill is made of; it never changes, but for terms that are added.

    Raises:
        TieOutError: partners' totals and members' points disagree.
    """
    assert window.closed_at is not None, "a closed window knows when it was closed"
    number, lanes = window.window_no, programme.lanes
    terms = [stored.terms for stored in await load_all_terms(connection, programme)]
    blocks = await load_blocks(connection, until=number)
    prepaying = blocks.keys() | {version.partner for version in terms if version.funding == "prepaid"}
    issued = await load_issued(connection, prepaying, until=number, lanes=lanes)
    rules = await load_rules(connection)
    return WindowBooks(
        window=number,
        currency=programme.currency,
        opened_at=window.opened_at.astimezone(programme.zone),
        totals=tuple(await _tied_out_totals(connection, number, programme)),
        origins=tuple(await load_origins(connection, number, lanes=lanes, apart=_issuer_pays(terms))),
        terms=tuple(terms),
        fee_payers=frozenset(await load_fee_payers(connection, closed_at=window.closed_at)),
        blocks={
            partner: tuple(block for block in bought if block.window == number) for partner, bought in blocks.items()
        },
        accounts={
            partner: account_of(
                blocks.get(partner, ()),
                issued.get(partner, {}),
                window=number,
                warn_below=rules.get(partner, PrepaidRule()).warn_below,
            )
            for partner in sorted(prepaying)
        },
    )


async def _prior_periods(
    connection: Connection, books: WindowBooks, programme: Programme
) -> dict[int, list[PriorPeriod]]:
    begin = await load_sales_begin(connection, books.window, opened_at=books.opened_at, lanes=programme.lanes)
    if begin is None or not has_late_items(books.totals, begin):
        return {}
    lanes = range(programme.lanes)
    return prior_periods(await load_late_items(connection, books.window, begin=begin, lanes=lanes), programme.zone)


async def _tied_out_totals(connection: Connection, window_no: int, programme: Programme) -> list[WindowTotal]:
    totals = await load_totals(connection, window_no, lanes=programme.lanes)
    growths = await load_growths(connection, window_no, lanes=programme.lanes)
    if len(growths) != programme.lanes:
        missing = Difference(where=Worded.of("lanes_ended"), expected=programme.lanes, actual=len(growths))
        raise TieOutError(window=window_no, differences=[missing])
    tie_out(window_no, totals, growths, point_value=programme.point_value)
    twice_booked = await find_twice_booked(connection, window_no, lanes=programme.lanes)
    if twice_booked:
        raise TieOutError(window=window_no, differences=[_in_two_lanes(*found) for found in twice_booked.items()])
    return totals


def _in_two_lanes(operation: Operation, places: Sequence[Place]) -> Difference:
    told = " and ".join(f"{place.lane}/{place.leaf}" for place in places)
    where = Worded.of("in_two_lanes", operation=operation.operation_id, partner=operation.partner, places=told)
    return Difference(where=where, expected=1, actual=len(places))


def _period(window: Window, programme: Programme) -> WindowPeriod:
    assert window.closed_at is not None, "a closed window knows when it was closed"
    return WindowPeriod(
        window=window.window_no,
        opened_at=window.opened_at.astimezone(programme.zone),
        closed_at=window.closed_at.astimezone(programme.zone),
    )
