"""Prepaid points: sell a partner a block, say what happens beyond its blocks, show what is left."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from coalition.database.pool import Connection, Pool
from coalition.lanes.block_cap import end_block_cap, set_block_cap
from coalition.stores.caps import find_cap_basis
from coalition.stores.windows import find_open, lock_windows
from settlement.engine.prepaid import Block, BlockAccount, account_of, overdrafts_until
from settlement.engine.terms import PRICE_MAX, Terms, amount_problems
from settlement.errors import FieldProblem, InvalidBlockError, UnknownPartnerError
from settlement.stores.hub import load_partner_names, load_programme
from settlement.stores.prepaid import (
    PrepaidRule,
    insert_block,
    load_blocks,
    load_issued,
    load_rules,
    set_rule,
)
from settlement.stores.terms import load_terms

BLOCK_POINTS_MAX = 1_000_000_000_000


@dataclass(frozen=True, slots=True)
class PrepaidReport:
    """A partner's blocks as they stand in the open window, and what happens beyond them."""

    partner: int
    window: int
    rule: PrepaidRule
    account: BlockAccount


async def buy_block(
    pool: Pool, partner: int, points: int, *, price: Decimal | None = None, now: datetime, actor: str
) -> PrepaidReport:
    """Sell a partner a block of points as `sell_block`, in a transaction of its own; return what is left then."""
    async with pool.acquire() as connection, connection.transaction():
        await sell_block(connection, partner, points, price=price, now=now, actor=actor)
        return await _report(connection, partner)


async def buy_block_if_low(pool: Pool, partner: int, points: int, *, now: datetime, actor: str) -> PrepaidReport:
    """Sell a partner a block at its terms' issue price if less is left than its warning level; return what is left.

    Raises: as `sell_block`.
    """
    async with pool.acquire() as connection, connection.transaction():
        # Before it is looked at, so that two at once do not both find it low.
        await lock_windows(connection)
        if (await _report(connection, partner)).account.is_low:
            await sell_block(connection, partner, points, now=now, actor=actor)
        return await _report(connection, partner)


async def sell_block(
    connection: Connection, partner: int, points: int, *, price: Decimal | None = None, now: datetime, actor: str
) -> None:
    """Sell a partner a block of points, billed in the open window; without a price at its terms' issue price.

    Raises:
        UnknownPartnerError: there is no such partner.
        InvalidBlockError: the points or the price break a limit, or no terms of the partner prepay.
    """
    # No window is closed meanwhile: a block is billed in the one that is open when it is bought.
    await lock_windows(connection)
    terms = await _prepaying_terms(connection, partner, now=now)
    bought_at = terms.issue_price if price is None else price
    problems = tuple(_block_problems(points, bought_at))
    if problems:
        raise InvalidBlockError(problems=problems)
    await insert_block(
        connection,
        partner,
        window_no=await find_open(connection),
        points=points,
        price=bought_at,
        vat=terms.charge_vat,
        terms_version=terms.version,
        now=now,
        actor=actor,
    )
    await _renew_cap(connection, partner, now=now, actor=actor)


async def set_prepaid_rule(pool: Pool, partner: int, rule: PrepaidRule, *, now: datetime, actor: str) -> PrepaidReport:
    """Say what happens beyond a partner's blocks as `write_prepaid_rule`, in a transaction of its own."""
    async with pool.acquire() as connection, connection.transaction():
        await write_prepaid_rule(connection, partner, rule, now=now, actor=actor)
        return await _report(connection, partner)


async def write_prepaid_rule(
    connection: Connection, partner: int, rule: PrepaidRule, *, now: datetime, actor: str
) -> None:
    """Say what happens to earns beyond a partner's blocks. Running hubs take it at once.

    Refused is decided under the lane's lock, as with a net debit cap: the blocks are the cap then. An earn that comes
    late from a till without a network is refused as well, so such partners had better be billed.

    Raises:
        UnknownPartnerError: there is no such partner.
        InvalidBlockError: no terms of the partner prepay, it has a net debit cap, or the warning level is below 0.
    """
    await lock_windows(connection)
    await _prepaying_terms(connection, partner, now=now)
    if rule.warn_below is not None and not 0 <= rule.warn_below <= BLOCK_POINTS_MAX:
        problem = f"must be 0 to {BLOCK_POINTS_MAX:,} points: {rule.warn_below}"
        raise InvalidBlockError(problems=[FieldProblem(field="warn_below", problem=problem)])
    await set_rule(connection, partner, rule, now=now, actor=actor)
    basis = await find_cap_basis(connection, partner)
    if rule.overdraft == "refused":
        if basis == "money":
            problem = "must be billed while the partner has a net debit cap; end that first"
            raise InvalidBlockError(problems=[FieldProblem(field="overdraft", problem=problem)])
        await _renew_cap(connection, partner, now=now, actor=actor)
    elif basis == "points":
        await end_block_cap(connection, partner)


async def report_prepaid(pool: Pool, partner: int) -> PrepaidReport:
    """Return a partner's blocks as they stand.

    Raises:
        UnknownPartnerError: there is no such partner.
    """
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        if partner not in await load_partner_names(connection):
            raise UnknownPartnerError(partner=partner)
        return await _report(connection, partner)


async def _prepaying_terms(connection: Connection, partner: int, *, now: datetime) -> Terms:
    """Return the partner's terms that prepay: those valid now, or else the next."""
    if partner not in await load_partner_names(connection):
        raise UnknownPartnerError(partner=partner)
    stored = await load_terms(connection, partner, await load_programme(connection))
    prepaying = [version.terms for version in stored if version.terms.funding == "prepaid"]
    if not prepaying:
        problem = f"no terms of partner {partner} prepay"
        raise InvalidBlockError(problems=[FieldProblem(field="partner", problem=problem)])
    begun = [terms for terms in prepaying if terms.valid_from <= now]
    return begun[-1] if begun else prepaying[0]


def _block_problems(points: int, price: Decimal) -> Iterator[FieldProblem]:
    if not 1 <= points <= BLOCK_POINTS_MAX:
        yield FieldProblem(field="points", problem=f"must be 1 to {BLOCK_POINTS_MAX:,}: {points}")
    yield from amount_problems("price", price, most=PRICE_MAX)


async def _renew_cap(connection: Connection, partner: int, *, now: datetime, actor: str) -> None:
    """Let the hub refuse what is beyond a partner's blocks, where that is the rule."""
    if (await load_rules(connection)).get(partner, PrepaidRule()).overdraft != "refused":
        return
    window, blocks, issued = await _books(connection, partner)
    # What was billed as overdraft is paid for as well, and no block is drawn on for it.
    points = sum(block.points for block in blocks) + overdrafts_until(blocks, issued, window=window - 1)
    await set_block_cap(connection, partner, points, now=now, actor=actor)


async def _books(connection: Connection, partner: int) -> tuple[int, Sequence[Block], dict[int, int]]:
    window = await find_open(connection)
    lanes = (await load_programme(connection)).lanes
    blocks = (await load_blocks(connection, until=window)).get(partner, ())
    issued = await load_issued(connection, [partner], until=window, lanes=lanes)
    return window, blocks, issued.get(partner, {})


async def _report(connection: Connection, partner: int) -> PrepaidReport:
    window, blocks, issued = await _books(connection, partner)
    rule = (await load_rules(connection)).get(partner, PrepaidRule())
    account = account_of(blocks, issued, window=window, warn_below=rule.warn_below)
    return PrepaidReport(partner, window, rule, account)
