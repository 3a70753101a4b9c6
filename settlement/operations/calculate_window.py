"""Calculate a closed window: tie it out, price it, and keep each partner's statement."""

from collections.abc import Sequence
from datetime import datetime

from coalition.database.pool import Connection, Pool
from settlement.documents.statement_json import write_json
from settlement.engine.netting import net_out
from settlement.engine.position import lines_by_partner
from settlement.engine.statement import Party, Statement, WindowPeriod, make_statement, party_on_letter
from settlement.engine.states import has_reached, move_window
from settlement.engine.terms import Terms, terms_valid_at
from settlement.engine.tie_out import tie_out
from settlement.engine.total import WindowTotal
from settlement.errors import Difference, TieOutError
from settlement.stores.hub import (
    Programme,
    load_fee_payers,
    load_growths,
    load_partner_names,
    load_programme,
    load_totals_by_lane,
)
from settlement.stores.legal_parties import load_legal_parties
from settlement.stores.shares import CalculatedShare, insert_shares
from settlement.stores.terms import load_all_terms
from settlement.stores.windows import Window, claim_move, find_window


async def calculate_window(pool: Pool, window_no: int, *, now: datetime, actor: str) -> Window:
    """Take a window from CLOSED to CALCULATED; one that is there or past it stays as it is.

    A partner has a share if it has totals in the window or owes a platform fee. The fee is that of the terms valid
    when the window opened, owed by each partner that joined before its end and has not left.

    Raises:
        UnknownWindowError: there is no such window.
        IllegalMoveError: it is still open.
        TieOutError: partners' totals and members' points disagree; nothing is written.
    """
    async with pool.acquire() as connection:
        window = await find_window(connection, window_no)
        if has_reached(window.state, "CALCULATED"):
            return window
        move_window(window.state, "CALCULATED")
        # A closed window's books never change, so they may be read before the transaction. They have to be: on Citus
        # a transaction that has read lane tables may not write reference tables.
        statements = await make_statements(connection, window, now=now)
        shares = [CalculatedShare(statement, write_json(statement)) for statement in statements]
        async with connection.transaction():
            if await claim_move(
                connection, window_no, from_state="CLOSED", to_state="CALCULATED", actor=actor, now=now
            ):
                await insert_shares(connection, window_no, shares, now=now)
        return await find_window(connection, window_no)


async def make_statements(connection: Connection, window: Window, *, now: datetime) -> list[Statement]:
    """Return the statements of a closed window, by partner; nothing is written.

    Raises:
        TieOutError: partners' totals and members' points disagree.
    """
    programme = await load_programme(connection)
    totals = await _tied_out_totals(connection, window.window_no, programme)
    terms = [stored.terms for stored in await load_all_terms(connection, programme)]
    lines = lines_by_partner(
        totals,
        {(version.partner, version.version): version for version in terms},
        currency=programme.currency,
        platform_terms=await _platform_terms(connection, window, terms),
    )
    # Refuses a window whose nets do not sum to the operator's share.
    net_out(lines, programme.currency)
    names = await load_partner_names(connection)
    parties = await load_legal_parties(connection)
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
            totals=[total for total in totals if total.partner == partner],
        )
        for partner, partner_lines in lines.items()
        if partner_lines
    ]


async def _tied_out_totals(connection: Connection, window_no: int, programme: Programme) -> list[WindowTotal]:
    totals = await load_totals_by_lane(connection, window_no, lanes=programme.lanes)
    growths = await load_growths(connection, window_no, lanes=programme.lanes)
    if len(growths) != programme.lanes:
        missing = Difference(where="lanes that ended the window", expected=programme.lanes, actual=len(growths))
        raise TieOutError(window=window_no, differences=[missing])
    tie_out(window_no, totals, growths, point_value=programme.point_value)
    return [total for lane in sorted(totals) for total in totals[lane]]


async def _platform_terms(connection: Connection, window: Window, terms: Sequence[Terms]) -> dict[int, Terms]:
    assert window.closed_at is not None, "a closed window knows when it was closed"
    fee_payers = await load_fee_payers(connection, closed_at=window.closed_at)
    valid = {
        partner: terms_valid_at((version for version in terms if version.partner == partner), window.opened_at)
        for partner in fee_payers
    }
    return {partner: version for partner, version in valid.items() if version is not None}


def _period(window: Window, programme: Programme) -> WindowPeriod:
    assert window.closed_at is not None, "a closed window knows when it was closed"
    return WindowPeriod(
        window=window.window_no,
        opened_at=window.opened_at.astimezone(programme.zone),
        closed_at=window.closed_at.astimezone(programme.zone),
    )
