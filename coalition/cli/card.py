"""`coalition card`: cards that are lost, replaced, shared; accounts that are closed."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import Session, now, open_session, run, show
from coalition.lanes.registry import Registry
from coalition.ledger.batch import Calendar
from coalition.ledger.operation import POINTS_MAX
from coalition.operations.manage_card import (
    CardChange,
    ClosedAccount,
    block_card,
    close_account,
    leave_household,
    permit_burns,
    replace_card,
    unblock_card,
)
from coalition.operations.merge_accounts import Moved, merge_accounts, unmerge_account
from coalition.operations.transfer_points import transfer_points
from coalition.programme.card_number import printed
from coalition.stores.merges import set_transfer_max

card_app = typer.Typer(help="Cards: block, replace, share an account, close it.", no_args_is_help=True)

Card = Annotated[str, typer.Argument(help="A card's number, with or without spaces.")]
Change = Callable[[Session], Awaitable[CardChange]]
Move = Callable[[Session, Calendar], Awaitable[Moved]]


@card_app.command("block")
def block(card: Card, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Refuse earns, burns and reserves with a card; what was begun with it may be finished."""
    change = _changed(
        lambda session: block_card(session.pool, card, now=now(), actor=session.actor), data_dir, database_url
    )
    show(asdict(change), as_json=as_json, text=f"Card {printed(change.card)} is blocked.")


@card_app.command("unblock")
def unblock(card: Card, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Let a blocked card be used again."""
    change = _changed(
        lambda session: unblock_card(session.pool, card, now=now(), actor=session.actor), data_dir, database_url
    )
    show(asdict(change), as_json=as_json, text=f"Card {printed(change.card)} may be used again.")


@card_app.command("replace")
def replace(card: Card, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Give the member a new card for a lost one; the old one is refused from now on."""
    change = _changed(
        lambda session: replace_card(session.pool, card, now=now(), actor=session.actor), data_dir, database_url
    )
    show(asdict(change), as_json=as_json, text=f"The new card is {printed(change.card)}; the points are the same.")


@card_app.command("permit")
def permit(
    card: Card,
    may_burn: Annotated[bool, typer.Option(help="Whether its member may spend the household's points.")] = True,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Say whether a member of a household may spend its points."""
    change = _changed(
        lambda session: permit_burns(session.pool, card, may_burn=may_burn, now=now(), actor=session.actor),
        data_dir,
        database_url,
    )
    told = "may spend the household's points" if may_burn else "may collect, and not spend"
    show(asdict(change), as_json=as_json, text=f"The member with card {printed(change.card)} {told}.")


@card_app.command("leave")
def leave(card: Card, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Let a member leave a household: a new card on an empty account of his own."""
    change = _changed(
        lambda session: leave_household(session.pool, card, now=now(), actor=session.actor), data_dir, database_url
    )
    text = f"The member has card {printed(change.card)} and account {change.account} now."
    show(asdict(change), as_json=as_json, text=text)


@card_app.command("merge")
def merge(
    card: Card,
    into: Annotated[str, typer.Option(help="A card of the account that stays.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Merge a card's account into another: its points and all its cards; `unmerge` undoes it."""

    async def change(session: Session, calendar: Calendar) -> Moved:
        return await merge_accounts(session.pool, card, into=into, calendar=calendar, clock=now, actor=session.actor)

    moved = _moved(change, data_dir, database_url)
    show(
        asdict(moved),
        as_json=as_json,
        text=f"{moved.points:,} points and the cards are on account {moved.account} now.",
    )


@card_app.command("unmerge")
def unmerge(card: Card, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Undo the merge that brought a card: its account is its own again, with what is left of the points that came."""

    async def change(session: Session, calendar: Calendar) -> Moved:
        return await unmerge_account(session.pool, card, calendar=calendar, clock=now, actor=session.actor)

    moved = _moved(change, data_dir, database_url)
    show(
        asdict(moved),
        as_json=as_json,
        text=f"{moved.points:,} points and the cards are back on account {moved.account}.",
    )


@card_app.command("transfer")
def transfer(
    card: Card,
    to: Annotated[str, typer.Option(help="The card that gets them.")],
    points: Annotated[int, typer.Option(help="How many.", min=1, max=POINTS_MAX)],
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Give points from one card to another, where the programme allows it (`coalition card transfer-limit`)."""

    async def change(session: Session, calendar: Calendar) -> Moved:
        return await transfer_points(
            session.pool, card, to=to, points=points, calendar=calendar, clock=now, actor=session.actor
        )

    moved = _moved(change, data_dir, database_url)
    show(asdict(moved), as_json=as_json, text=f"{moved.points:,} points are on account {moved.account} now.")


@card_app.command("transfer-limit")
def transfer_limit(
    points: Annotated[
        int,
        typer.Argument(help="Points that a card may give in a day; 0 switches transfers off.", min=0, max=POINTS_MAX),
    ],
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Say how many points a card may give to others in a day."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session, session.pool.acquire() as connection:
            await set_transfer_max(connection, points)

    run(work())
    text = f"A card may give {points:,} points a day." if points else "Transfers are switched off."
    show({"transfer_points_per_day_max": points}, as_json=as_json, text=text)


@card_app.command("close")
def close(card: Card, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Close a card's account with all its cards; the points that are left are gone."""

    async def work() -> ClosedAccount:
        async with open_session(data_dir, database_url) as session:
            registry = Registry(session.pool)
            await registry.load()
            return await close_account(session.pool, card, calendar=registry.calendar, clock=now, actor=session.actor)

    closed = run(work())
    owed = f"; {closed.debt:,} points are owed still" if closed.debt else ""
    text = f"Account {closed.account} is closed; {closed.points_expired:,} points were left and are gone{owed}."
    show(asdict(closed), as_json=as_json, text=text)


def _changed(change: Change, data_dir: DataDir, database_url: DatabaseUrl) -> CardChange:
    async def work() -> CardChange:
        async with open_session(data_dir, database_url) as session:
            return await change(session)

    return run(work())


def _moved(move: Move, data_dir: DataDir, database_url: DatabaseUrl) -> Moved:
    async def work() -> Moved:
        async with open_session(data_dir, database_url) as session:
            registry = Registry(session.pool)
            await registry.load()
            return await move(session, registry.calendar)

    return run(work())
