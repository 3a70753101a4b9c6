"""Warn a partner and the operator when prepaid points go below the partner's level: once for each time.

Noticing is a matter of the calendar's minute and needs no mail server; telling holds the warning's row, so that of
several hubs one writes. What was sent is kept right after the mail server took it; killed in between, it goes out
again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from coalition.database.pool import Connection, Pool
from coalition.mail import Outcome
from coalition.stores.windows import find_open
from settlement.engine.legal_party import DocumentLanguage, LegalParty
from settlement.engine.prepaid import account_of
from settlement.stores.hub import load_partner_names, load_programme
from settlement.stores.legal_parties import load_legal_parties
from settlement.stores.prepaid import load_blocks, load_issued, load_rules
from settlement.stores.prepaid_warnings import (
    BlockWarning,
    LowBlocks,
    Told,
    hold_warning,
    load_open,
    note_crossings,
    set_mails,
)


@dataclass(frozen=True, slots=True)
class LowBlocksMail:
    """`is_own`: to the partner, else to the operator; in the language of who gets it."""

    email: str
    language: DocumentLanguage
    is_own: bool
    partner_name: str
    points_left: int
    warn_below: int


Send = Callable[[LowBlocksMail], Awaitable[Outcome]]


async def notice_low_blocks(pool: Pool, *, now: datetime) -> list[int]:
    """Notice who has less prepaid points left than it is to be warned at; return who had more before."""
    async with pool.acquire() as connection, connection.transaction():
        return await note_crossings(connection, await _find_low(connection), now=now)


async def _find_low(connection: Connection) -> list[LowBlocks]:
    levels = {
        partner: rule.warn_below
        for partner, rule in (await load_rules(connection)).items()
        if rule.warn_below is not None
    }
    if not levels:
        return []
    window = await find_open(connection)
    blocks = await load_blocks(connection, until=window)
    lanes = (await load_programme(connection)).lanes
    issued = await load_issued(connection, levels, until=window, lanes=lanes)
    low = []
    for partner, warn_below in sorted(levels.items()):
        left = account_of(blocks.get(partner, ()), issued.get(partner, {}), window=window).closing
        if left < warn_below:
            low.append(LowBlocks(partner, left, warn_below))
    return low


async def send_warnings(pool: Pool, send: Send) -> int:
    """Tell who has an address and was not told yet; return how many mails were taken. May be repeated: what failed, and
    who has no address yet, waits as long as the points are low."""
    async with pool.acquire() as connection:
        waiting = await load_open(connection)
    return sum([await _tell(pool, warning, send) for warning in waiting])


async def _tell(pool: Pool, number: int, send: Send) -> int:
    async with pool.acquire() as connection, connection.transaction():
        warning = await hold_warning(connection, number)
        if warning is None:
            return 0
        parties = await load_legal_parties(connection)
        own, operators = parties.partners.get(warning.partner), parties.operator
        name = (await load_partner_names(connection))[warning.partner]
        partner_mail = warning.partner_mail or await _send(own, name, warning, send, is_own=True)
        operator_mail = warning.operator_mail or await _send(operators, name, warning, send, is_own=False)
        await set_mails(connection, number, partner_mail=partner_mail, operator_mail=operator_mail)
        news = ((warning.partner_mail, partner_mail), (warning.operator_mail, operator_mail))
        return sum(before is None and after == "sent" for before, after in news)


async def _send(party: LegalParty | None, name: str, warning: BlockWarning, send: Send, *, is_own: bool) -> Told | None:
    if party is None or party.email is None:
        return None
    outcome = await send(
        LowBlocksMail(party.email, party.language, is_own, name, warning.points_left, warning.warn_below)
    )
    return None if outcome == "failed" else outcome
