"""Define joint promotions and end them; running hubs take a change at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from coalition.database.pool import Pool
from coalition.errors import AlreadyThereError, NotFoundError, SettingError
from coalition.ledger.participant import Participant
from coalition.stores.promotions import add_promotion as store_promotion
from coalition.stores.promotions import end_promotion as store_end
from coalition.stores.registry import announce_change, load_participants

NAME_CHARS_MAX = 64
PAYERS_MAX = 20
SHARE_MAX = 1_000_000
BUDGET_MAX = 1_000_000_000_000_000


@dataclass(frozen=True, slots=True)
class NewPromotion:
    """`payers` by name with their shares, in the order in which points that can't be split are given to them; `issuers`
    by name, none: the payers. It runs from `starts_at` to before `ends_at`; `budget` is in points."""

    name: str
    payers: Sequence[tuple[str, int]]
    starts_at: datetime
    ends_at: datetime
    budget: int
    issuers: Sequence[str] = ()


async def add_promotion(pool: Pool, promotion: NewPromotion, *, now: datetime, actor: str) -> int:
    """Define a promotion; return its number.

    Raises SettingError that names all that can't be, NotFoundError for partners that are not there, AlreadyThereError
    where the name is taken."""
    if faults := list(_faults(promotion)):
        raise SettingError("; ".join(faults))
    async with pool.acquire() as connection, connection.transaction():
        partners = _numbers((await load_participants(connection)).values())
        names = [name for name, _ in promotion.payers]
        issuers = promotion.issuers or names
        if missing := sorted({*names, *issuers} - partners.keys()):
            raise NotFoundError(f"no partner that takes part is named {', '.join(map(repr, missing))}")
        try:
            number = await store_promotion(
                connection,
                name=promotion.name,
                starts_at=promotion.starts_at,
                ends_at=promotion.ends_at,
                payers=[(partners[name], share) for name, share in promotion.payers],
                issuers={partners[name] for name in issuers},
                budget=promotion.budget,
                now=now,
                actor=actor,
            )
        except asyncpg.UniqueViolationError as error:
            raise AlreadyThereError(f"a promotion is named {promotion.name!r} already") from error
        await announce_change(connection)
    return number


async def end_promotion(pool: Pool, name: str, *, now: datetime) -> datetime:
    """End a promotion: sales from now on are no part of it; return when it ended. Raises NotFoundError."""
    async with pool.acquire() as connection, connection.transaction():
        ended_at = await store_end(connection, name, now=now)
        if ended_at is None:
            raise NotFoundError(f"no promotion is named {name!r}")
        await announce_change(connection)
    return ended_at


def _numbers(partners: Iterable[Participant]) -> dict[str, int]:
    return {partner.name: partner.partner for partner in partners if partner.status != "left"}


def _faults(promotion: NewPromotion) -> Iterator[str]:
    name, payers = promotion.name, promotion.payers
    if not 1 <= len(name.strip()) <= NAME_CHARS_MAX or name != name.strip() or not name.isprintable():
        yield f"name: expected 1 to {NAME_CHARS_MAX} printable characters, {name[:NAME_CHARS_MAX]!r} came"
    if name.isdecimal():
        yield f"name: expected a name that is no number, {name[:NAME_CHARS_MAX]!r} came"
    if not 1 <= len(payers) <= PAYERS_MAX:
        yield f"payers: expected 1 to {PAYERS_MAX}, {len(payers)} came"
    if len({payer for payer, _ in payers}) < len(payers):
        yield "payers: expected each once"
    for payer, share in payers:
        if not 1 <= share <= SHARE_MAX:
            yield f"share of {payer}: expected 1 to {SHARE_MAX:,}, {share} came"
    if promotion.ends_at <= promotion.starts_at:
        yield f"until: expected later than {promotion.starts_at.isoformat()}, {promotion.ends_at.isoformat()} came"
    if not 1 <= promotion.budget <= BUDGET_MAX:
        yield f"budget: expected 1 to {BUDGET_MAX:,} points, {promotion.budget} came"
