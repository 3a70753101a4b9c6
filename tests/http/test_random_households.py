"""Random days of a coalition: cards blocked and replaced, accounts merged and unmerged, gifts, limits, codes for large
burns and a cap, while shops earn, burn, reserve and take back; against a plain model that knows households and no lots
or lanes."""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from coalition.errors import StateConflictError
from coalition.operations.check_sums import check_sums
from coalition.operations.manage_card import block_card, replace_card, unblock_card
from coalition.operations.merge_accounts import merge_accounts, unmerge_account
from coalition.operations.transfer_points import transfer_points
from coalition.stores.merges import set_transfer_max
from tests.http.conftest import RunningHub
from tests.http.household_limits import (
    PACE_MAX,
    PACE_WINDOW,
    STEP_UP_ABOVE,
    Consent,
    Consents,
    Pace,
    Refused,
)
from tests.http.test_caps import cap
from tests.http.test_limits import mailing_hub, set_limits  # noqa: F401
from tests.pages.conftest import Mailbox, mailbox  # noqa: F401
from tests.shop import Shop

STEPS = 500
CARDS = 5
BURN_MIN, BURNED_A_DAY_MAX, EARNS_A_DAY_MAX, GIVEN_A_DAY_MAX = 2, 90, 12, 40
# In points, which are worth a cent each: of the first shop, that earns more than it redeems.
CAP = 80
MOVES = [*["earn"] * 6, *["burn"] * 5, *["reserve"] * 2, *["end_hold"] * 3, *["reverse"] * 4]
MOVES += [*["merge"] * 3, *["unmerge"] * 2, "block", *["unblock"] * 3, "replace", "gift", "repeat", "repeat"]
# What a history has to come upon, or it proves nothing of it.
MET = {None, "too_fast", "step_up_needed", "step_up_wrong", "too_many_codes", "opened", "used_up"}
MOVES += [*["ask_code"] * 4, *["wait"] * 3]


@dataclass
class Sale:
    """What a shop booked: `account` by the card's own account at that moment."""

    shop: int
    kind: str
    card: str
    account: str
    operation_id: str
    points: int
    left: int


@dataclass
class Households:
    """Accounts are named by the card that they were opened with; a merged account leads `into` another."""

    hub: RunningHub
    mailbox: Mailbox
    shops: list[Shop]
    random: Random
    account_of: dict[str, str]
    state: dict[str, str]
    places: dict[str, tuple[int, int]]
    into: dict[str, str] = field(default_factory=dict)
    points: Counter[str] = field(default_factory=Counter)
    burned: Counter[str] = field(default_factory=Counter)
    earns: Counter[str] = field(default_factory=Counter)
    given: Counter[str] = field(default_factory=Counter)
    position: int = 0
    sales: list[Sale] = field(default_factory=list)
    holds: list[Sale] = field(default_factory=list)
    pace: Pace = field(default_factory=Pace)
    consents: Consents = field(default_factory=Consents)
    met: Counter[str | None] = field(default_factory=Counter)
    sent: list[tuple[Shop, dict[str, Any], bytes]] = field(default_factory=list)

    def home(self, card: str) -> str:
        """Return the account to which a card leads now."""
        return self.into.get(self.account_of[card], self.account_of[card])

    def held(self, account: str) -> int:
        return sum(hold.points for hold in self.holds if hold.account == account)

    async def balance(self, account: str) -> int:
        """Return what the hub's books say: a debt may lie on a merged account, and lots alone tell what goes back."""
        found: int = await self.hub.pool.fetchval(
            "SELECT balance FROM account WHERE lane = $1 AND account = $2", *self.places[account]
        )
        return found

    async def available(self, account: str) -> int:
        return await self.balance(account) - self.held(account)

    async def act(self) -> None:
        self.hub.clock.forward(timedelta(seconds=1))
        move = self.random.choice(MOVES)
        # Every card may be shown again, but those replaced would soon be most of them.
        weights = [1 if state == "replaced" else 5 for state in self.state.values()]
        (card,) = self.random.choices(list(self.state), weights)
        await getattr(self, move)(card)

    async def send(self, shop: int, kind: str, card: str, **fields: Any) -> tuple[str, dict[str, Any]]:
        operation = self.shops[shop].operation(kind, card, **fields)
        answer = await self.shops[shop].send(operation)
        self.sent.append((self.shops[shop], operation, answer.body))
        return operation["id"], answer.result

    async def earn(self, card: str) -> None:
        shop, points, home = self.random.randint(0, 1), self.random.randint(1, 25), self.home(card)
        operation_id, result = await self.send(shop, "earn", card, points=points)
        expected = self.earn_refusal(card, shop, points)
        self.compare(result, expected)
        if expected is None:
            self.earns[card] += 1
            self.pace.count(card, self.hub.clock())
            self.book("earn", shop, card, home, operation_id, points)

    async def burn(self, card: str) -> None:
        await self.burn_at(self.random.randint(0, 1), card, self.random.randint(1, 25))

    async def burn_at(self, shop: int, card: str, points: int) -> None:
        home = self.home(card)
        operation_id = await self.spend("burn", shop, card, points)
        if operation_id is not None:
            self.book("burn", shop, card, home, operation_id, points)

    async def reserve(self, card: str) -> None:
        shop, points = self.random.randint(0, 1), self.random.randint(1, 15)
        operation_id = await self.spend("reserve", shop, card, points, timeout_s=86_000)
        if operation_id is not None:
            self.holds.append(Sale(shop, "reserve", card, self.home(card), operation_id, points, points))

    async def spend(self, kind: str, shop: int, card: str, points: int, **fields: Any) -> str | None:
        """Return the id of what was booked."""
        home = self.home(card)
        told = self.consents.told(home, self.random)
        expected = await self.burn_refusal(card, shop, points, told)
        if told is not None:
            fields["step_up_code"] = told
        operation_id, result = await self.send(shop, kind, card, points=points, **fields)
        self.compare(result, expected)
        if expected is not None:
            self.met["used_up"] += expected["code"] == "step_up_wrong" and self.consents.is_used_up(home)
            return None
        self.pace.count(card, self.hub.clock())
        if points > STEP_UP_ABOVE:
            self.consents.use(home)
            self.met["opened"] += 1
        return operation_id

    async def ask_code(self, card: str) -> None:
        """Any card may ask, a blocked one too; what comes replaces the code that its account had."""
        shop, points, home = self.random.randint(0, 1), self.random.randint(STEP_UP_ABOVE, 25), self.home(card)
        body = json.dumps({"points": points}).encode()
        answer = await self.shops[shop].request("POST", f"/v1/cards/{card}/step-up", body)
        expected = self.consents.ask_refusal(home, points, self.hub.clock())
        assert answer.document.get("code") == expected
        self.met[expected] += 1
        if expected is None:
            text = await self.mailbox.next_code()
            self.consents.sent(home, Consent(text, shop, points, self.hub.clock()))
            for _ in range(self.random.randint(0, 3)):
                await self.burn_at(shop, card, points)

    async def wait(self, _: str) -> None:
        self.hub.clock.forward(timedelta(seconds=self.random.randint(20, 300)))

    async def end_hold(self, _: str) -> None:
        if not self.holds:
            return
        hold = self.holds.pop(self.random.randrange(len(self.holds)))
        kind, points = self.random.choice(["capture", "release"]), self.random.randint(1, hold.points)
        fields = {"points": points} if kind == "capture" else {}
        operation_id, result = await self.send(hold.shop, kind, hold.card, reserve_id=hold.operation_id, **fields)
        assert result["verdict"] == "booked"
        if kind == "capture":
            self.book("burn", hold.shop, hold.card, hold.account, operation_id, points)

    async def reverse(self, _: str) -> None:
        if not self.sales:
            return
        sale = self.random.choice(self.sales)
        points = self.random.randint(1, sale.points)
        _, result = await self.send(sale.shop, "reverse", sale.card, operation_id=sale.operation_id, points=points)
        if points > sale.left:
            assert (result["code"], result["left"]) == ("more_than_left", sale.left)
            return
        assert result["verdict"] == "booked"
        sale.left -= points
        sign = -1 if sale.kind == "earn" else 1
        self.points[self.into.get(sale.account, sale.account)] += sign * points
        self.position += sign * points if sale.shop == 0 else 0
        if sale.kind == "burn":
            self.burned[sale.account] -= points

    async def merge(self, card: str) -> None:
        other = self.random.choice(list(self.state))
        source, target = self.home(card), self.home(other)
        is_refused = (
            source == target
            or "replaced" in (self.state[card], self.state[other])
            or source in self.into.values()
            or self.held(source) > 0
        )
        await self.try_to(is_refused, merge_accounts(self.hub.pool, card, into=other, **self.by()))
        if not is_refused:
            self.into[source] = target
            self.points[target] += self.points.pop(source, 0)

    async def unmerge(self, card: str) -> None:
        source = self.account_of[card]
        target = self.into.get(source)
        is_refused = target is None or self.held(target) > 0
        await self.try_to(is_refused, unmerge_account(self.hub.pool, card, **self.by()))
        if target is not None and not is_refused:
            del self.into[source]
            both = self.points[target]
            # How much goes back is for the lots to say; together it is what they had.
            self.points[source] = await self.balance(source)
            self.points[target] = both - self.points[source]

    async def block(self, card: str) -> None:
        is_refused = self.state[card] == "replaced"
        await self.try_to(is_refused, block_card(self.hub.pool, card, now=self.hub.clock(), actor="test"))
        if not is_refused:
            self.state[card] = "blocked"

    async def unblock(self, card: str) -> None:
        is_refused = self.state[card] == "replaced"
        await self.try_to(is_refused, unblock_card(self.hub.pool, card, now=self.hub.clock(), actor="test"))
        if not is_refused:
            self.state[card] = "active"

    async def replace(self, card: str) -> None:
        new = (await replace_card(self.hub.pool, card, now=self.hub.clock(), actor="test")).card
        if self.state[card] != "replaced":
            self.account_of[new], self.state[card], self.state[new] = self.account_of[card], "replaced", "active"

    async def gift(self, card: str) -> None:
        other, points = self.random.choice(list(self.state)), self.random.randint(1, 20)
        giver, taker = self.home(card), self.home(other)
        is_refused = (
            giver == taker
            or (self.state[card], self.state[other]) != ("active", "active")
            or self.given[card] + points > GIVEN_A_DAY_MAX
            or points > await self.available(giver)
        )
        await self.try_to(is_refused, transfer_points(self.hub.pool, card, to=other, points=points, **self.by()))
        if not is_refused:
            self.given[card] += points
            self.points[giver] -= points
            self.points[taker] += points

    async def repeat(self, _: str) -> None:
        """What was answered is answered again, to the byte, wherever the card leads now."""
        if self.sent:
            shop, operation, answered = self.random.choice(self.sent)
            assert (await shop.send(operation)).body == answered

    def compare(self, result: dict[str, Any], expected: Refused | None) -> None:
        """A refusal says which limit it was, how many tries are left, and until when."""
        found = {name: result.get(name) for name in expected or ("code",)}
        if (until := found.get("until")) is not None:
            found["until"] = datetime.fromisoformat(until)
        assert found == (expected or {"code": None})
        self.met[found["code"]] += 1

    def card_refusal(self, card: str) -> Refused | None:
        return None if self.state[card] == "active" else {"code": f"card_{self.state[card]}"}

    def earn_refusal(self, card: str, shop: int, points: int) -> Refused | None:
        if self.state[card] != "active":
            return self.card_refusal(card)
        if self.earns[card] >= EARNS_A_DAY_MAX:
            return {"code": "earn_day_limit", "limit": EARNS_A_DAY_MAX}
        if too_fast := self.pace.refusal(card, self.hub.clock()):
            return too_fast
        return {"code": "cap_reached"} if shop == 0 and self.position + points > CAP else None

    async def burn_refusal(self, card: str, shop: int, points: int, told: str | None) -> Refused | None:
        if self.state[card] != "active":
            return self.card_refusal(card)
        if points < BURN_MIN:
            return {"code": "burn_below_minimum", "limit": BURN_MIN}
        home = self.home(card)
        used = self.burned[home] + self.held(home)
        if used + points > BURNED_A_DAY_MAX:
            return {"code": "burn_day_limit", "limit": BURNED_A_DAY_MAX, "used": used}
        if too_fast := self.pace.refusal(card, self.hub.clock()):
            return too_fast
        if points > await self.available(home):
            return {"code": "insufficient_points"}
        return self.consents.refusal(home, shop, points, told, self.hub.clock())

    def book(self, kind: str, shop: int, card: str, account: str, operation_id: str, points: int) -> None:
        sign = 1 if kind == "earn" else -1
        self.points[self.into.get(account, account)] += sign * points
        self.position += sign * points if shop == 0 else 0
        if kind == "burn":
            self.burned[account] += points
        self.sales.append(Sale(shop, kind, card, account, operation_id, points, points))

    def by(self) -> dict[str, Any]:
        return {"calendar": self.hub.clearing.registry.calendar, "clock": self.hub.clock, "actor": "test"}

    async def try_to(self, is_refused: bool, change: Any) -> None:
        if is_refused:
            with pytest.raises(StateConflictError):
                await change
        else:
            await change

    async def check(self) -> None:
        """All points of each household, a debt on a merged account among them; and every sum of the domain."""
        rows = await self.hub.pool.fetch(
            """SELECT opened.card, account.balance FROM unnest($1::text[], $2::smallint[], $3::bigint[])
                AS opened (card, lane, account)
            JOIN account ON account.lane = opened.lane AND account.account = opened.account""",
            list(self.places),
            [lane for lane, _ in self.places.values()],
            [account for _, account in self.places.values()],
        )
        households: Counter[str] = Counter()
        for card, balance in rows:
            households[self.into.get(card, card)] += balance
        assert {home: points for home, points in households.items() if points} == {
            home: points for home, points in self.points.items() if points
        }
        report = await check_sums(self.hub.pool)
        assert [finding for finding in report.findings if finding.broken] == []


@pytest.mark.parametrize("seed", range(3))
async def test_random_households(
    mailing_hub: RunningHub,  # noqa: F811
    mailbox: Mailbox,  # noqa: F811
    seed: int,
) -> None:
    hub = mailing_hub
    # A limit ends at a moment: the clock goes on with the steps alone, and from noon, since limits count by the day.
    hub.clock.stop()
    noon = (hub.clock().astimezone(ZoneInfo("Europe/Berlin")) + timedelta(days=1)).replace(hour=12)
    hub.clock.forward(noon - hub.clock())
    cards = await hub.cards(CARDS)
    shops = [await hub.shop("Bakery"), await hub.shop("Garage")]
    await cap(hub, "Bakery", CAP)
    await set_limits(
        hub,
        burn_points_min=BURN_MIN,
        burn_points_per_day_max=BURNED_A_DAY_MAX,
        earns_per_card_per_day_max=EARNS_A_DAY_MAX,
        operations_per_card_max=PACE_MAX,
        velocity_window_s=int(PACE_WINDOW.total_seconds()),
        step_up_above=STEP_UP_ABOVE,
    )
    async with hub.pool.acquire() as connection:
        await set_transfer_max(connection, GIVEN_A_DAY_MAX)
    places = {row[0]: (row[1], row[2]) for row in await hub.pool.fetch("SELECT card, lane, account FROM card")}
    account_of, state = {card: card for card in cards}, dict.fromkeys(cards, "active")
    model = Households(hub, mailbox, shops, Random(seed), account_of, state, places)
    for step in range(STEPS):
        await model.act()
        if step % 20 == 0:
            await model.check()
    await model.check()
    assert {what for what, times in model.met.items() if times} >= MET, model.met
