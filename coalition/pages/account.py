"""An operator's page: find an account by a card, and see its balance explained lot by lot.

A card leads to a person, so it is posted and never stands in an address, where logs and histories would keep it."""

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiohttp import web

from coalition.database.pool import Connection
from coalition.pages.door import add_page
from coalition.pages.entries import show_entry
from coalition.pages.operator_sign_in import signed_in_operator
from coalition.pages.visit import Visit
from coalition.programme.card_number import normalised, printed
from coalition.stores.balances import load_standing
from coalition.stores.cards import Place, load_card_places
from coalition.stores.explained import (
    ExplainedLot,
    ExplainedUse,
    Holder,
    Return,
    load_account_sums,
    load_all_holds,
    load_debt_changes,
    load_explained_lots,
    load_explained_uses,
    load_holders,
    load_returns,
)
from coalition.stores.history import load_history

log = structlog.get_logger()

PATH: Final = "/finance/account"
MENU_ENTRY: Final = (PATH, "account.nav")

CARD_PATTERN: Final = re.compile(r"[0-9A-Za-z]{3,40}")
SKIPPED_PATTERN: Final = re.compile(r"[0-9]{1,9}")
LOTS_SHOWN: Final = 25
USES_SHOWN: Final = 20
RETURNS_SHOWN: Final = 500
HOLDS_SHOWN: Final = 25
DEBT_CHANGES_SHOWN: Final = 25
CARDS_SHOWN: Final = 50
RECORDS_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class ShownLot:
    """A lot with the first of its uses, and what the further ones took together."""

    lot: ExplainedLot
    uses: list[tuple[ExplainedUse, list[Return]]]
    further_uses: int
    further_points: int
    ties_out: bool


def add_account_page(app: web.Application) -> None:
    """Add the page to the operators' area, whose frame stands there already."""
    add_page(app, "GET", PATH, ask_card, area="finance")
    add_page(app, "POST", PATH, show_account, area="finance")


async def ask_card(visit: Visit) -> web.StreamResponse:
    """Show the form alone."""
    await signed_in_operator(visit)
    return _page(visit)


async def show_account(visit: Visit) -> web.StreamResponse:
    """Show the account of the card that was posted; `skipped` lots stand on the pages before."""
    operator = await signed_in_operator(visit)
    typed = visit.form.get("card", "")
    card = normalised(typed.strip())
    if not CARD_PATTERN.fullmatch(card):
        return _page(visit, card=typed, status=422, fault=visit.word("account.card_wrong"))
    asked = visit.form.get("skipped", "0")
    skipped = int(asked) if SKIPPED_PATTERN.fullmatch(asked) else 0
    async with (
        visit.site.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        place = (await load_card_places(connection, [card])).get(card)
        if place is None:
            return _page(visit, card=typed, status=422, fault=visit.word("account.card_unknown"))
        values = await _explain(connection, visit, place.of_account, skipped=skipped)
    log.info("account.explained", operator=operator.name, lane=place.lane, account=place.account)
    return _page(visit, card=printed(card), place=place, skipped=skipped, **values)


def _page(visit: Visit, *, card: str = "", status: int = 200, fault: str | None = None, **values: Any) -> web.Response:
    shown = {"place": None, **values}
    return visit.render("account.html", status=status, card=card, fault=fault, path=PATH, **shown)


async def _explain(connection: Connection, visit: Visit, place: Place, *, skipped: int) -> dict[str, Any]:
    sums = await load_account_sums(connection, place)
    today = visit.now.astimezone(visit.site.programme.zone).date()
    standing = await load_standing(connection, place, now=visit.now, today=today, rule=visit.site.programme.expiry)
    records = await load_history(connection, place, count_max=RECORDS_SHOWN)
    return {
        "sums": sums,
        "standing": standing,
        "due": sums.balance - standing.balance,
        "printed": printed,
        "members": _by_member(await load_holders(connection, place, count_max=CARDS_SHOWN)),
        "lots": await _load_lots(connection, place, skipped=skipped),
        "lots_per_page": LOTS_SHOWN,
        "debts": await load_debt_changes(connection, place.lane, [place.account], count_max=DEBT_CHANGES_SHOWN),
        "debts_max": DEBT_CHANGES_SHOWN,
        "holds": await load_all_holds(connection, place, count_max=HOLDS_SHOWN),
        "holds_max": HOLDS_SHOWN,
        "entries": [show_entry(visit, record) for record in records],
    }


async def _load_lots(connection: Connection, place: Place, *, skipped: int) -> list[ShownLot]:
    lots = await load_explained_lots(connection, place, skipped=skipped, count_max=LOTS_SHOWN)
    found = await load_explained_uses(connection, place, [lot.leaf for lot in lots], count_max=USES_SHOWN)
    given_back = [use.leaf for use in found if use.restored]
    returns: defaultdict[int, list[Return]] = defaultdict(list)
    for back in await load_returns(connection, place, given_back, count_max=RETURNS_SHOWN):
        returns[back.original_leaf].append(back)
    uses: defaultdict[tuple[int, int], list[ExplainedUse]] = defaultdict(list)
    for use in found:
        uses[use.lot_leaf, use.lot_part].append(use)
    return [_shown_lot(lot, uses[lot.leaf, lot.part], returns) for lot in lots]


def _shown_lot(lot: ExplainedLot, uses: list[ExplainedUse], returns: dict[int, list[Return]]) -> ShownLot:
    taken = uses[0].taken_in_all if uses else 0
    return ShownLot(
        lot=lot,
        uses=[(use, returns[use.leaf] if use.restored else []) for use in uses],
        further_uses=uses[0].uses_in_all - len(uses) if uses else 0,
        further_points=taken - sum(use.points - use.restored for use in uses),
        ties_out=lot.points - taken == lot.remaining,
    )


def _by_member(holders: list[Holder]) -> list[tuple[Holder, list[Holder]]]:
    """Return members, each with his cards."""
    members: dict[int, tuple[Holder, list[Holder]]] = {}
    for holder in holders:
        _, cards = members.setdefault(holder.member, (holder, []))
        if holder.card is not None:
            cards.append(holder)
    return list(members.values())
