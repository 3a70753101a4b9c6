"""This month's close: what has to be done about a window, and what stands in the way."""

from collections.abc import Sequence
from datetime import datetime

from settlement.documents.report import Column, Report, Row, Source, Table, Words
from settlement.engine.calendar import next_boundary
from settlement.engine.close_checklist import CheckItem, CloseFacts, close_checklist
from settlement.engine.money import add_exactly
from settlement.engine.states import has_reached
from settlement.engine.tie_out import tie_out
from settlement.errors import TieOutError
from settlement.operations.reports.asked import Asked
from settlement.stores.bank_accounts import load_operator_accounts, load_partner_accounts
from settlement.stores.calendar import load_calendar
from settlement.stores.disputes import load_disputes
from settlement.stores.hub import load_growths, load_totals
from settlement.stores.legal_parties import load_legal_parties
from settlement.stores.points_reports import count_lanes_closed
from settlement.stores.shares import Share, load_shares
from settlement.stores.tax_documents import load_documents
from settlement.stores.windows import WindowMove, load_moves

COLUMNS = (Column("item", "word"), Column("status", "word"), Column("told", "word"), Column("names", "text"))
SOURCES = {
    "disputes": Source("reports/disputes"),
    "payments": Source("reports/payments"),
    "ties_out": Source("reports/control"),
}


async def report_close(asked: Asked) -> Report:
    """Return the list as a table; `told` names words with their values."""
    rows = tuple(_row(item, asked.window.window_no) for item in await load_checklist(asked))
    return asked.report("close", Table(key="close", columns=COLUMNS, rows=rows))


async def load_checklist(asked: Asked) -> tuple[CheckItem, ...]:
    """Return the list of the window asked for."""
    connection, window = asked.connection, asked.window
    shares = await load_shares(connection, [window.window_no], asked.currency)
    moves = await load_moves(connection, window.window_no)
    involved = [share.partner for share in shares] or await _partners_so_far(asked)
    return close_checklist(
        CloseFacts(
            state=window.state,
            lanes=asked.programme.lanes,
            lanes_closed=await count_lanes_closed(connection, asked.lanes, window.window_no),
            ends_at=await _ends_at(asked),
            differences=await _differences(asked),
            without_legal_data=await _without_legal_data(asked, involved),
            without_bank=await _without_bank(asked, _to_be_paid(asked, shares, involved)),
            calculated_by=_last_actor(moves, "CALCULATED"),
            approved_by=_last_actor(moves, "APPROVED"),
            statements=len(shares),
            documents=len(await load_documents(connection, window.window_no, asked.currency)),
            disputes_open=len(
                await load_disputes(connection, asked.currency, window_no=window.window_no, state="OPEN")
            ),
            shares=len(shares),
            shares_paid=sum(share.state == "PAID" for share in shares),
            shares_overdue=sum(share.state in ("OVERDUE", "DEFAULTED") for share in shares),
            unpaid=asked.rounded(add_exactly(abs(share.unpaid) for share in shares if share.invoiced_on)),
        )
    )


async def _ends_at(asked: Asked) -> datetime | None:
    if asked.window.state != "OPEN":
        return None
    zone = asked.programme.zone
    stored = await load_calendar(asked.connection)
    boundary = next_boundary(stored.calendar, after=max(asked.window.opened_at, stored.set_at), zone=zone)
    return None if boundary is None else boundary.astimezone(zone)


async def _partners_so_far(asked: Asked) -> list[int]:
    totals = await load_totals(asked.connection, asked.window.window_no, lanes=asked.programme.lanes)
    return sorted({total.partner for total in totals})


async def _differences(asked: Asked) -> tuple[str, ...]:
    if asked.window.state == "OPEN":
        return ()
    number, lanes = asked.window.window_no, asked.programme.lanes
    try:
        tie_out(
            number,
            await load_totals(asked.connection, number, lanes=lanes),
            await load_growths(asked.connection, number, lanes=lanes),
            point_value=asked.programme.point_value,
        )
    except TieOutError as error:
        return tuple(str(difference) for difference in error.differences)
    return ()


async def _without_legal_data(asked: Asked, partners: Sequence[int]) -> tuple[str, ...] | None:
    known = await load_legal_parties(asked.connection)
    if known.operator is None:
        # The coalition settles by statements alone.
        return None
    return tuple(asked.name(partner) for partner in sorted(partners, key=asked.place) if partner not in known.partners)


def _to_be_paid(asked: Asked, shares: Sequence[Share], involved: Sequence[int]) -> list[int]:
    if not has_reached(asked.window.state, "CALCULATED"):
        return list(involved)
    # Who owes and gave no mandate pays by itself, wherever it has its account.
    return [share.partner for share in shares if share.payable < 0 and share.state != "PAID"]


async def _without_bank(asked: Asked, partners: Sequence[int]) -> tuple[str, ...] | None:
    if not await load_operator_accounts(asked.connection):
        # Payments are made and recorded by hand.
        return None
    known = {stored.partner for stored in await load_partner_accounts(asked.connection, partners)}
    return tuple(asked.name(partner) for partner in sorted(partners, key=asked.place) if partner not in known)


def _last_actor(moves: Sequence[WindowMove], state: str) -> str | None:
    return next((move.actor for move in reversed(moves) if move.to_state == state), None)


def _row(item: CheckItem, window: int) -> Row:
    return Row(
        (
            f"close.{item.key}",
            f"close.status.{item.status}",
            Words(f"close.{item.key}.{item.told}", item.values),
            ", ".join(item.names),
        ),
        {"item": SOURCES.get(item.key, Source(f"windows/{window}"))},
    )
