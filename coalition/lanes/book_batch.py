"""Book one batch of one lane in one database transaction: lock, load, decide, write, commit."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from random import random
from typing import NamedTuple

from coalition.database.pool import Connection, Pool
from coalition.journal.merkle import Frontier
from coalition.lanes.top_up import Short, Spent, top_up
from coalition.ledger.account import Account
from coalition.ledger.batch import Calendar, Command, OperationKey
from coalition.ledger.book import Book
from coalition.ledger.cap import NO_CAPS, Cap, Caps, Position
from coalition.ledger.decision import Original
from coalition.ledger.limits import NO_LIMITS, LimitRules, Limits
from coalition.ledger.lot import Lot
from coalition.ledger.operation import named_id
from coalition.ledger.promotion import NO_PROMOTIONS, Promotion, Promotions
from coalition.stores.batches import OpenBatch, lane_transaction, open_batch, write_batch
from coalition.stores.caps import load_positions
from coalition.stores.certificates import load_certificates, write_certificates
from coalition.stores.holds import load_holds
from coalition.stores.lots import ALL_POINTS, write_restorations
from coalition.stores.messages import Evidence
from coalition.stores.originals import load_lots_to_decide, load_originals
from coalition.stores.promotions import load_allowances, write_promotions
from coalition.stores.proofs import write_nodes
from coalition.stores.usage import load_usage, write_usage

# So often a lane asks for more of a budget before it takes it for spent.
TOP_UPS_MAX = 20
PAUSE_S_MAX = 0.005

Clock = Callable[[], datetime]


class Funds(NamedTuple):
    """What pays for earns and ends: promotions with budgets, partners with caps, and which of them are `spent`."""

    promotions: Mapping[str, Promotion]
    caps: Mapping[int, Cap]
    spent: Spent


class Cut(NamedTuple):
    """What a batch takes of what waits. `messages` are kept with it: the ids of their commands, and those that these
    name, have not been looked up in other lanes; or those of all commands have to be, anew (`is_looked_up_anew`)."""

    commands: Sequence[Command]
    messages: Sequence[Evidence] = ()
    is_looked_up_anew: bool = False

    @property
    def fresh_ids(self) -> list[str]:
        fresh = {message.digest for message in self.messages}
        if not fresh and not self.is_looked_up_anew:
            return []
        operations = [
            command.operation for command in self.commands if self.is_looked_up_anew or command.message in fresh
        ]
        named = [name for operation in operations if (name := named_id(operation)) is not None]
        return [operation.id for operation in operations] + named


async def book_batch(
    pool: Pool,
    lane: int,
    cut: Callable[[], Cut],
    *,
    lanes: int,
    calendar: Calendar,
    clock: Clock,
    rules: LimitRules = NO_LIMITS,
    promotions: Mapping[str, Promotion] = NO_PROMOTIONS,
    caps: Mapping[int, Cap] = NO_CAPS,
) -> list[str | None]:
    """Decide and write operations of one lane, in order; return their results once they are committed. None: what the
    command says of its card holds no more; nothing was decided.

    `cut` is asked when the lane is ours, for what arrived while others had it, and gives the same again if it is asked
    again. May be repeated as a whole after any failure: it looks up first which operations are known, so that one whose
    commit was not heard of is answered, not booked again. `lanes` says how many the programme has, `rules` are its
    limits, `promotions` those that earns may name, `caps` those of partners that have one.
    """
    funds = Funds(promotions, caps, Spent())
    asked = 0
    while True:
        results, short = await _book_batch(
            pool, lane, cut, lanes=lanes, calendar=calendar, clock=clock, rules=rules, funds=funds
        )
        if not short.is_any:
            return results
        asked += 1
        lacking = await top_up(pool, lane, short)
        # Who is granted more and loses it again each time, to lanes that need it as well, is at the budget's end.
        funds.spent.add(lacking if asked < TOP_UPS_MAX else short.asked)
        if asked > 1:
            # Lanes that take from each other in step would go on; chance lets one of them go first.
            await asyncio.sleep(random() * PAUSE_S_MAX * asked)


async def _book_batch(
    pool: Pool,
    lane: int,
    cut: Callable[[], Cut],
    *,
    lanes: int,
    calendar: Calendar,
    clock: Clock,
    rules: LimitRules,
    funds: Funds,
) -> tuple[list[str | None], Short]:
    """Decide and write; or write nothing, and return which promotions and caps lack how much in this lane."""
    async with pool.acquire() as connection, lane_transaction(connection, lane):
        taken = cut()
        commands = taken.commands
        opened, book = await _load(
            connection, lane, taken, lanes=lanes, calendar=calendar, clock=clock, rules=rules, funds=funds
        )
        still = (None, opened.state.card_changes)
        results = [book.book(command) if command.card_changes in still else None for command in commands]
        short = Short(book.promotions.short, book.caps.short, book.caps.owed)
        if short.is_any:
            return [], short
        messages = _new_messages(taken, opened, results)
        if book.changes.records or messages:
            await write_book(connection, opened, book, messages)
            if book.limits is not None:
                await write_usage(connection, lane, book.limits.usage)
            await write_certificates(connection, lane, book.certificates)
            await write_promotions(
                connection, lane, billed=book.promotions.billed, allowances=book.promotions.allowances
            )
        return results, short


def _new_messages(cut: Cut, opened: OpenBatch, results: Sequence[str | None]) -> list[Evidence]:
    """Return the messages that bring anything that was not decided before."""
    if not cut.messages:
        return []
    before = opened.known.keys() | opened.elsewhere.keys()
    new = {
        command.message
        for command, result in zip(cut.commands, results, strict=True)
        if result is not None and command.key not in before
    }
    return [message for message in cut.messages if message.digest in new]


async def _load(
    connection: Connection,
    lane: int,
    cut: Cut,
    *,
    lanes: int,
    calendar: Calendar,
    clock: Clock,
    rules: LimitRules,
    funds: Funds,
) -> tuple[OpenBatch, Book]:
    commands = cut.commands
    named = Named.of(commands)
    operation_ids = [command.operation.id for command in commands] + [operation_id for _, operation_id in named.ids]
    opened = await open_batch(
        connection,
        lane,
        operation_ids=operation_ids,
        accounts={command.account for command in commands}.union(*(command.linked for command in commands)),
        fresh_ids=cut.fresh_ids,
        other_lanes=[other for other in range(lanes) if other != lane],
    )
    state, known, accounts, elsewhere = opened
    # Booked times never run backwards in a lane, whichever hub's clock is behind.
    booked_at = max(clock(), state.last_booked_at)
    leaves = {key: known[key].leaf for key in named.ids if key in known}
    originals = await load_originals(connection, lane, {key: leaves[key] for key in named.originals & leaves.keys()})
    holds = await load_holds(connection, lane, accounts, leaves=[leaves[key] for key in named.reserves & leaves.keys()])
    await load_lots_to_decide(
        connection,
        lane,
        accounts,
        wanted=named.points_wanted(accounts, today=calendar.day_of(booked_at)),
        originals=list(originals.values()),
    )
    promotions, caps = await _load_funds(connection, lane, commands, named, originals, funds)
    limits = None
    if rules.are_on:
        cards = {command.operation.card for command in commands}
        usage = await load_usage(connection, lane, accounts=accounts, cards=cards)
        limits = Limits(rules, usage, now=booked_at, zone=calendar.zone)
    book = Book(
        lane=lane,
        window_no=state.window_no,
        size=state.size,
        booked_at=booked_at,
        calendar=calendar,
        accounts=accounts,
        known=known,
        originals=originals,
        holds=holds,
        limits=limits,
        certificates=await load_certificates(connection, lane, named.certificates),
        promotions=promotions,
        caps=caps,
        elsewhere=elsewhere,
    )
    return opened, book


async def _load_funds(
    connection: Connection,
    lane: int,
    commands: Sequence[Command],
    named: "Named",
    originals: Mapping[OperationKey, Original],
    funds: Funds,
) -> tuple[Promotions, Caps]:
    """Return the promotions and caps with what this lane may use of those that the batch concerns."""
    paying = {funds.promotions[name] for name in named.promotions & funds.promotions.keys()}
    promotions = {promotion.promotion for promotion in paying}
    promotions |= {original.promotion for original in originals.values() if original.promotion is not None}
    allowances = await load_allowances(connection, lane, promotions)
    positions: dict[int, Position] = {}
    if funds.caps:
        billed = {command.partner.partner for command in commands}
        billed |= {payer.partner for promotion in paying for payer, _ in promotion.payers}
        billed |= {payer for original in originals.values() for (payer, _, _), _ in original.payer_shares}
        in_points = {partner for partner, cap in funds.caps.items() if cap.basis == "points"}
        positions = await load_positions(connection, lane, billed & funds.caps.keys(), in_points=in_points)
    return (
        Promotions(funds.promotions, allowances, spent=funds.spent.promotions_with(allowances)),
        Caps(funds.caps, positions, spent=funds.spent.caps_with(positions), returned=funds.spent.returned),
    )


@dataclass(slots=True)
class Named:
    """What a batch's commands ask for beyond their accounts: points to take, and operations that they refer to."""

    burns: defaultdict[int, int]
    newly_held: defaultdict[int, int]
    captured_accounts: set[int]
    reversed_accounts: set[int]
    originals: set[OperationKey]
    reserves: set[OperationKey]
    certificates: set[str]
    promotions: set[str]

    @classmethod
    def of(cls, commands: Sequence[Command]) -> "Named":
        named = cls(defaultdict(int), defaultdict(int), set(), set(), set(), set(), set(), set())
        for command in commands:
            operation = command.operation
            if operation.type == "burn":
                named.burns[command.account] += operation.points
                if operation.certificate is not None:
                    named.certificates.add(operation.certificate)
                    # It may make a debt, which what comes later in the batch repays from the oldest.
                    named.reversed_accounts.add(command.account)
            elif operation.type == "reverse":
                named.reversed_accounts.add(command.account)
                named.originals.add((command.partner.partner, operation.operation_id))
            elif operation.type == "reserve":
                named.newly_held[command.account] += operation.points
            elif operation.type == "capture":
                named.captured_accounts.add(command.account)
                named.reserves.add((command.partner.partner, operation.reserve_id))
            elif operation.type == "earn":
                if operation.promotion is not None:
                    named.promotions.add(operation.promotion)
            elif operation.type == "release":
                named.reserves.add((command.partner.partner, operation.reserve_id))
        return named

    @property
    def ids(self) -> set[OperationKey]:
        return self.originals | self.reserves

    def points_wanted(self, accounts: dict[int, Account], *, today: date) -> dict[int, int]:
        """Return of which accounts lots are needed, and how many points of the oldest. Earns only add: of their
        accounts none are, unless a debt is repaid or points have expired."""
        wanted = dict(self.burns)
        for number in self.captured_accounts:
            # No more than its holds promise: those that are open, and those of this batch.
            promised = accounts[number].held + self.newly_held.get(number, 0)
            wanted[number] = wanted.get(number, 0) + promised
        for number, account in accounts.items():
            is_due = account.next_expires_on is not None and account.next_expires_on <= today
            if is_due or account.debt or number in self.reversed_accounts:
                wanted[number] = ALL_POINTS
        return wanted


async def write_book(connection: Connection, opened: OpenBatch, book: Book, messages: Sequence[Evidence] = ()) -> None:
    """Write what a book has decided; `opened` is the batch, still locked, that it was made from."""
    changes, before = book.changes, opened.state
    frontier = Frontier.parse(before.size, before.frontier)
    frontier.extend(changes.hashed_leaves)
    after = before._replace(
        size=frontier.size,
        frontier=frontier.to_bytes(),
        outstanding=before.outstanding + changes.outstanding,
        last_booked_at=changes.records[-1].booked_at if changes.records else before.last_booked_at,
    )
    lots = changed_lots(opened.accounts, before.size)
    await write_batch(connection, after, changes, accounts=opened.accounts, changed_lots=lots, messages=messages)
    await write_restorations(connection, changes.restorations)
    await write_nodes(connection, before.lane, frontier.nodes)


def changed_lots(accounts: dict[int, Account], size: int) -> list[tuple[int, Lot]]:
    """Return the lots that were there before this batch and changed; those made in it lie at `size` or later."""
    return [
        (account.account, lot)
        for account in accounts.values()
        for lot in account.lots
        if lot.is_changed and lot.leaf < size
    ]
