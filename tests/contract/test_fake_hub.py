"""The fake hub of the SDK against the real one: one script of operations, the same answers.

Masked is what differs between any two hubs: where and when something was booked, card numbers, texts for people.
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.lanes.close_window import close_window
from coalition.operations.manage_promotion import NewPromotion, add_promotion, end_promotion
from partner_sdk.journalled import result_texts
from partner_sdk.merkle import is_consistent, is_included, leaf_hash
from partner_sdk.testing import FakeHub
from settlement.operations.calculate_window import calculate_window
from settlement.operations.resolve_dispute import accept_dispute, reject_dispute
from tests.http.conftest import RunningHub
from tests.shop import Answered, Shop, operation

MASKED = {
    "message": "*",
    "lane": "*",
    "leaf": "*",
    "window": "*",
    "booked_at": "*",
    "occurred_at": "*",
    "expires_at": "*",
    "cursor": "*",
    # Of a certificate, what the hub signed.
    "certificate": "*",
    "keyid": "*",
    "signature": "*",
    "card": "*",
    # Of points that expire the fake hub knows nothing.
    "expiries": "*",
    "request_id": "*",
    "detail": "*",
    "expected": "*",
    # Of a dispute, when it was received and answered.
    "received_at": "*",
    "answer_until": "*",
    "resolved_at": "*",
}
# Why there is no certificate, card or operation is said in the same words.
MASKED_BUT_WHY = {name: mask for name, mask in MASKED.items() if name != "detail"}
# After the first window, by number: in which one an operation counts.
MASKED_BUT_WINDOWS = {name: mask for name, mask in MASKED.items() if name != "window"}
# A refused dispute says why in the same words; of these, too, only days differ.
TOLD_IN_DISPUTES = ("detail", "expected")
MASKED_IN_DISPUTES = {name: mask for name, mask in MASKED.items() if name not in (*TOLD_IN_DISPUTES, "window")}
DAY = re.compile(r"\d{4}-\d\d-\d\d")
# Of proofs as well, since the journals differ in what else is in them.
MASKED_IN_PROOFS = MASKED | dict.fromkeys(("made_at", "lanes", "size", "from", "to", "path"), "*")
QUARTER_OF_AN_HOUR_S = 900
DISPUTE_DAYS_AND_ONE_S = 31 * 24 * 3_600
REFUSALS = {
    "burn_not_allowed",
    "certificate_counter_used",
    "certificate_expired",
    "certificate_other",
    "certificate_spent",
    "certificate_unknown",
    "earn_not_allowed",
    "hold_resolved",
    "insufficient_points",
    "more_than_left",
    "no_points_earned",
    "not_a_reserve",
    "not_reversible",
    "operation_id_reused",
    "original_refused",
    "other_account",
    "points_missing",
    "points_over_limit",
    "promotion_budget_spent",
    "promotion_not_running",
    "unknown_card",
    "unknown_original",
    "unknown_promotion",
}

DISPUTES_REFUSED = {
    "already_disputed",
    "body_too_large",
    "content_type_unsupported",
    "dispute_too_late",
    "invalid_dispute",
    "key_twice",
    "not_json",
    "number_out_of_range",
    "request_invalid",
    "unknown_statement",
    "unknown_window",
}

MakePartner = Callable[..., Awaitable["Partner"]]


@dataclass
class Partner:
    """A partner of one of the two hubs, with two members' cards; `told` are the hub's answers, masked."""

    shop: Shop
    card: str
    other_card: str
    advance: Callable[[int], None]
    # What the operator does: a statement of all so far; an answer to a dispute, None: it is rejected.
    calculate: Callable[[], Awaitable[None]]
    answer: Callable[[int, Decimal | None], Awaitable[None]]
    # What this partner and another pay for together, with this budget of points, until it is ended.
    promote: Callable[[str, int], Awaitable[None]]
    end_promotion: Callable[[str], Awaitable[None]]
    told: list[Any] = field(default_factory=list)

    async def book(self, own_id: str, kind: str, *, card: str = "", **fields: Any) -> None:
        await self.send(operation(kind, card or self.card, id=own_id, **fields))

    async def send(self, *operations: dict[str, Any]) -> None:
        self.tell(await self.shop.send(*operations))

    async def post(self, body: bytes, **changes: Any) -> None:
        self.tell(await self.shop.post(body, **changes))

    async def get(self, path: str) -> None:
        self.tell(await self.shop.get(path))

    def tell(self, answer: Answered, mask: Mapping[str, str] = MASKED) -> None:
        self.told.append([answer.status, masked(answer.document, mask)])


def masked(document: Any, mask: Mapping[str, str]) -> Any:
    if isinstance(document, dict):
        return {name: mask.get(name, masked(value, mask)) for name, value in document.items()}
    return [masked(one, mask) for one in document] if isinstance(document, list) else document


async def bookings_and_refusals(partner: Partner) -> None:
    book = partner.book
    await book("earn-1", "earn", points=100, shop="0042", till="3", reference="4711")
    await book("earn-2", "earn", points=50, vat=[{"rate": "19", "points": 30}, {"rate": "7", "points": 20}])
    await book("earn-3", "earn", purchase={"amount": "59.90", "currency": "EUR"})
    await book("earn-5", "earn", purchase={"amount": "0.49", "currency": "EUR"})
    await book("earn-6", "earn", purchase={"amount": "999999999", "currency": "EUR"})
    await book("burn-1", "burn", points=120)
    await book("burn-2", "burn", points=1_000)
    await book("burn-1", "burn", points=121)
    await book("burn-1", "burn", card="404404404404", points=120)
    await book("earn-7", "earn", card="404404404404", points=5)
    await partner.get(f"/v1/cards/{partner.card}")


async def reversals(partner: Partner) -> None:
    book = partner.book
    await book("reverse-0", "reverse", operation_id="never-booked")
    await book("reverse-1", "reverse", operation_id="earn-1", points=33)
    await book("reverse-2", "reverse", operation_id="earn-1", points=68)
    await book("reverse-3", "reverse", operation_id="earn-1")
    await book("reverse-4", "reverse", operation_id="earn-1")
    await book("reverse-5", "reverse", operation_id="earn-2", card=partner.other_card)
    await book("reverse-6", "reverse", operation_id="burn-2")
    await book("reverse-7", "reverse", operation_id="reverse-1")
    await book("reverse-8", "reverse", operation_id="burn-1", points=20)
    # The rest of the earns goes back: what was spent of them becomes a debt, which the next earn repays.
    await book("reverse-9", "reverse", operation_id="earn-2")
    await book("reverse-10", "reverse", operation_id="earn-3")
    await book("burn-3", "burn", points=1)
    await partner.get(f"/v1/cards/{partner.card}")
    await book("earn-8", "earn", points=1_000)
    await book("reverse-11", "reverse", operation_id="burn-1")


async def holds(partner: Partner) -> None:
    book = partner.book
    await book("reserve-1", "reserve", points=500)
    await book("reserve-2", "reserve", points=5_000)
    await book("burn-4", "burn", points=501)
    await partner.get(f"/v1/cards/{partner.card}")
    await book("capture-0", "capture", reserve_id="never-reserved")
    await book("capture-1", "capture", reserve_id="earn-8")
    await book("capture-2", "capture", reserve_id="reserve-2")
    await book("capture-3", "capture", reserve_id="reserve-1", card=partner.other_card)
    await book("capture-4", "capture", reserve_id="reserve-1", points=501)
    await book("capture-5", "capture", reserve_id="reserve-1", points=480)
    await book("capture-6", "capture", reserve_id="reserve-1")
    await book("release-1", "release", reserve_id="reserve-1")
    await book("reverse-12", "reverse", operation_id="capture-5", points=80)
    await book("reverse-13", "reverse", operation_id="reserve-1")
    await book("reserve-3", "reserve", points=200)
    await book("release-2", "release", reserve_id="reserve-3")
    await book("reverse-14", "reverse", operation_id="release-2")
    await book("capture-7", "capture", reserve_id="reserve-3")
    await book("release-0", "release", reserve_id="never-reserved")
    await book("reserve-4", "reserve", points=100)
    await book("capture-8", "capture", reserve_id="reserve-4")


async def burns_without_a_network(partner: Partner) -> None:
    """Booked as any other, while there are points; what lies outside the certificate is refused."""

    async def ask(points: int, *, card: str = "", till: str = "3", valid_s: int = 3_600) -> Any:
        body = {"card": card or partner.card, "till": till, "points": points, "valid_s": valid_s}
        answer = await partner.shop.request("POST", "/v1/certificates", json.dumps(body).encode())
        partner.tell(answer, MASKED_BUT_WHY)
        return json.loads(answer.document["certificate"]) if answer.status == 201 else None

    async def burn(own_id: str, counter: int, points: int, **changes: Any) -> None:
        named = {"certificate": certificate["id"], "counter": counter, "till": "3"}
        await partner.book(own_id, "burn", points=points, **named | changes)

    certificate = await ask(100)
    await ask(1_000_000)
    await ask(1, card="404404404404")
    for _ in range(5):
        await ask(1)
    await burn("offline-1", 0, 30)
    await burn("offline-2", 0, 30)
    await burn("offline-3", 2, 71)
    await burn("offline-4", 3, 1, till="4")
    await burn("offline-5", 3, 1, card=partner.other_card)
    await burn("offline-6", 3, 1, certificate="made-up")
    await burn("offline-7", 3, 1, occurred_at=(datetime.now(UTC) - timedelta(days=1)).isoformat())
    await burn("offline-8", 4, 70)
    await partner.book("reverse-offline", "reverse", operation_id="offline-8")
    await partner.book("reverse-offline-1", "reverse", operation_id="offline-1")


async def points_go_back_under_a_hold(partner: Partner) -> None:
    """A shop has been promised the points: taking the earn back makes a debt, and the capture still goes through."""
    book = partner.book
    await book("earn-9", "earn", card=partner.other_card, points=100)
    await book("reserve-5", "reserve", card=partner.other_card, points=80)
    await book("reverse-15", "reverse", card=partner.other_card, operation_id="earn-9")
    await book("reserve-6", "reserve", card=partner.other_card, points=1)
    await book("capture-9", "capture", card=partner.other_card, reserve_id="reserve-5")
    await book("earn-10", "earn", card=partner.other_card, points=100)


async def joint_promotions(partner: Partner) -> None:
    """Running by the moment of the sale, and never beyond the budget, of which a return gives its part back."""

    async def earn(own_id: str, points: int | None = None, **fields: Any) -> None:
        await partner.book(own_id, "earn", points=points, **{"promotion": "winter"} | fields)

    purchase = {"amount": "7.50", "currency": "EUR"}
    await earn("joint-0", 10)
    await partner.promote("winter", 100)
    await earn("joint-1", 60)
    await earn("joint-1", 60)
    await earn("joint-2", 41)
    await earn("joint-3", purchase=purchase, vat=None)
    await earn("joint-4", 10, vat=[{"rate": "19", "points": 7}, {"rate": "7", "points": 3}])
    await partner.book("joint-back", "reverse", operation_id="joint-1", points=20)
    await earn("joint-5", 36)
    await earn("joint-6", 35)
    await earn("joint-7", 1)
    await earn("joint-8", 1, promotion="summer")
    sold = datetime.now(UTC)
    await earn("joint-9", 1, occurred_at=(sold - timedelta(days=3)).isoformat())
    await partner.book("joint-back-1", "reverse", operation_id="joint-6")
    await partner.end_promotion("winter")
    await earn("joint-10", 1)
    await earn("joint-11", 1, occurred_at=sold.isoformat())
    await partner.book("joint-back-2", "reverse", operation_id="joint-11")


async def time_outs(partner: Partner) -> None:
    book = partner.book
    await book("reserve-7", "reserve", points=70)
    await book("reserve-8", "reserve", points=80, timeout_s=2 * QUARTER_OF_AN_HOUR_S)
    await book("reserve-9", "reserve", points=90, timeout_s=604_800)
    await partner.get(f"/v1/cards/{partner.card}")
    partner.advance(QUARTER_OF_AN_HOUR_S + 1)
    await partner.get(f"/v1/cards/{partner.card}")
    await book("capture-10", "capture", reserve_id="reserve-7")
    await book("release-3", "release", reserve_id="reserve-7")
    await book("capture-11", "capture", reserve_id="reserve-8")
    await book("release-4", "release", reserve_id="reserve-9")


async def repeats_and_looking_up(partner: Partner) -> None:
    first = operation("earn", partner.card, id="twice", points=5)
    written_otherwise = {**first, "card": f"{partner.card[:4]} {partner.card[4:]}"}
    for again in (first, first, written_otherwise, {**first, "points": 6}, {**first, "shop": "0042"}):
        await partner.send(again)
    await partner.send(*(operation("burn", partner.card, id=f"many-{number}", points=1) for number in range(3)))
    for path in ("operations/twice", "operations/burn-2", "events?after=x"):
        await partner.get(f"/v1/{path}")
    for path in ("operations/never", "cards/404404404404"):
        partner.tell(await partner.shop.get(f"/v1/{path}"), MASKED_BUT_WHY)
    await partner.get("/v1/events")


async def reconciliations(partner: Partner) -> None:
    """The partner's books by day and by line: of the journal that the chapters before have left."""
    answer = await partner.shop.get("/v1/reconciliations")
    partner.tell(answer)
    zone = ZoneInfo(answer.document["time_zone"])
    today, yesterday = (day.isoformat() for day in days_before(partner, zone))

    async def compare(**asked: Any) -> None:
        told = await partner.shop.request("POST", "/v1/reconciliations", json.dumps(asked).encode())
        partner.tell(told)

    nothing = {"day": today, "count": 0, "points": {}, "digest": sha256(b"").hexdigest()}
    lines = [
        {"id": "burn-1", "type": "burn", "points": 120},
        {"id": "burn-2", "type": "burn", "points": 1_000},
        {"id": "capture-5", "type": "earn", "points": 480},
        {"id": "earn-1", "type": "earn", "points": 101},
        {"id": "invented", "type": "earn", "points": 1},
        {"id": "reserve-1", "type": "burn", "points": 500},
        {"id": "reverse-1", "type": "reverse", "points": 33},
    ]
    await compare(**{"from": yesterday}, until=today, days=[nothing])
    await compare(**{"from": yesterday}, until=yesterday, days=[{**nothing, "day": yesterday}])
    await compare(window=1, days=[])
    await compare(window=2, days=[])
    await compare(day=today, lines=lines)
    await compare(day=today, lines=lines[:3], more=True)
    await compare(day=today, lines=lines[3:], after="capture-5")
    await compare(day=yesterday, lines=lines[:1])
    await compare(day=today, window=1, lines=lines[-1:])
    named = [line | {"window": 2} for line in lines]
    await compare(day=today, names_windows=True, lines=named)


async def checkpoints_and_proofs(partner: Partner) -> None:
    """Told is whether hashes lead from the answer's own bytes to a signed root, and from one root to the next."""

    async def checkpoint() -> dict[int, tuple[int, bytes]]:
        answer = await partner.shop.get("/v1/checkpoint")
        partner.tell(answer, MASKED_IN_PROOFS)
        return {one["lane"]: (one["size"], bytes.fromhex(one["root"])) for one in answer.document["lanes"]}

    async def path_of(asked: str) -> list[bytes]:
        answer = await partner.shop.get(f"/v1/proofs/{asked}")
        partner.tell(answer, MASKED_IN_PROOFS)
        proofs = answer.document.get("proofs", [answer.document])
        return [bytes.fromhex(one) for one in proofs[-1]["path"]]

    await partner.book("before", "earn", points=1)
    before = await checkpoint()
    earns = [operation("earn", partner.card, id=f"leaf-{number}", points=1) for number in range(5)]
    body = json.dumps({"operations": earns}).encode()
    answer = await partner.shop.post(body)
    after = await checkpoint()
    lane = answer.results[0]["lane"]
    size, root = after[lane]

    def leads(path: list[bytes], place: int) -> bool:
        text, leaf = result_texts(answer.body)[place], answer.results[place]["leaf"]
        hashed = leaf_hash(message=sha256(body).digest(), index=place, result=text)
        return is_included(hashed, leaf=leaf, size=size, path=path, root=root)

    leaves = [str(result["leaf"]) for result in answer.results]
    for place, leaf in enumerate(leaves):
        partner.told.append(["leads", leads(await path_of(f"inclusion?lane={lane}&leaf={leaf}&size={size}"), place)])
    path = await path_of(f"inclusions?lane={lane}&leaves={','.join(leaves)}&size={size}")
    partner.told.append(["leads", leads(path, len(leaves) - 1)])
    first, first_root = before[lane]
    path = await path_of(f"consistency?lane={lane}&from={first}&to={size}")
    grown = is_consistent(first=first, first_root=first_root, second=size, second_root=root, path=path)
    partner.told.append(["grown", grown])
    for bad in (
        f"inclusion?lane={lane}&leaf=999999&size={size}",
        f"inclusion?lane={lane}&leaf=0&size=999999",
        f"inclusion?lane=1000&leaf=0&size={size}",
        "inclusion?lane=x&leaf=-1",
        f"inclusions?lane={lane}&leaves=1,,2&size={size}",
        f"consistency?lane={lane}&from=0&to={size}",
        f"consistency?lane={lane}&from=1&to=999999",
    ):
        await partner.get(f"/v1/proofs/{bad}")


async def disputes(partner: Partner) -> None:
    """The last chapter: the window that all before it is of ends with it."""
    charge = {"code": "issue_charge", "terms_version": 1}

    def tell(answer: Answered) -> None:
        status, document = answer.status, masked(answer.document, MASKED_IN_DISPUTES)
        partner.told.append([status, document | {"detail": DAY.sub("*", document.get("detail", ""))}])

    async def post(body: bytes, **changes: Any) -> None:
        tell(await partner.shop.request("POST", "/v1/disputes", body, **changes))

    async def dispute(**changes: Any) -> None:
        asked = {"window": 1, "line": charge, "amount": "1.00", "reason": "Not ours."} | changes
        await post(json.dumps(asked).encode())

    await dispute()
    await partner.calculate()
    await dispute()
    await dispute()
    await dispute(line=None, operation_ids=["earn-1", "earn-1"], amount="0.5")
    await dispute(operation_ids=["earn-8", "earn-1"])
    for bad in (
        {"window": 2},
        {"window": 99},
        {"amount": "1000000"},
        {"line": None, "operation_ids": ["earn-8"], "amount": "1000000"},
        {"amount": "0"},
        {"amount": "1.001"},
        {"line": None},
        {"line": charge | {"terms_version": 9}},
        {"line": charge | {"code": "redemption_credit_reversed"}, "amount": "3.01"},
        {"operation_ids": ["burn-2"]},
        {"line": None, "operation_ids": [f"never-sent-{number}" for number in range(12)], "amount": "0"},
        {"reason": "a" * 20_000},
        {"amount": "-1"},
        {"reason": ""},
        {"reason": "\x1b[2J" + "a" * 200},
        {"window": "1"},
        {"line": {"code": 7}},
        {"line": {"code": "issue", "terms_version": 0}},
        {"colour": "red", "operation_ids": ["a b"] * 101},
        {str(number): number for number in range(7)},
    ):
        await dispute(**bad)
    for body in (b"{", b"7", b'{"window":1,"amount":"1","amount":"1.00","reason":"Twice."}'):
        await post(body)
    await post(b"{}", headers={"Content-Type": "text/plain"})
    await partner.answer(1, None)
    await partner.answer(2, Decimal("0.20"))
    await dispute(operation_ids=["earn-1"], amount="2.00", reason="Look again.")
    for path in ("", "?after=1&limit=1", "?after=x", "?limit=0"):
        tell(await partner.shop.get(f"/v1/disputes{path}"))
    partner.advance(DISPUTE_DAYS_AND_ONE_S)
    await dispute(reason="Only now.")


async def the_next_window(partner: Partner) -> None:
    """What comes after the close counts in the window that is open then; late is what was sold before."""

    def tell(answer: Answered) -> None:
        partner.tell(answer, MASKED_BUT_WINDOWS)

    async def compare(**asked: Any) -> None:
        tell(await partner.shop.request("POST", "/v1/reconciliations", json.dumps(asked).encode()))

    guide = await partner.shop.get("/v1/reconciliations")
    tell(guide)
    sold = datetime.now(UTC) - timedelta(days=1)
    day = sold.astimezone(ZoneInfo(guide.document["time_zone"])).date().isoformat()
    for own_id in ("next-1", "next-2"):
        await partner.book(own_id, "earn", points=1, occurred_at=sold.isoformat())
    tell(await partner.shop.send(operation("reverse", partner.card, id="next-back", operation_id="next-2")))
    await compare(window=2, days=[])
    await compare(window=3, days=[])
    lines = [{"id": name, "type": "earn", "points": 1} for name in ("earn-1", "next-1", "next-2")]
    await compare(day=day, window=2, lines=lines)
    await compare(day=day, names_windows=True, lines=[line | {"window": 1} for line in lines])


def days_before(partner: Partner, zone: ZoneInfo) -> tuple[date, date]:
    """Return the day on which the script is run, and the one before."""
    today = partner.shop.clock().astimezone(zone).date()
    return today, today - timedelta(days=1)


async def messages_refused_as_a_whole(partner: Partner) -> None:
    now = datetime.now(UTC)
    earn = operation("earn", partner.card, id="whole", points=5)
    without_points = operation("earn", partner.card, id="whole", purchase={"amount": "1", "currency": "EUR"})
    content = [
        [earn, earn],
        [{**earn, "occurred_at": (now - timedelta(days=402)).isoformat()}],
        [earn | {"id": "ahead", "occurred_at": (now + timedelta(hours=2)).isoformat()}],
        [{**earn, "purchase": {"amount": "1", "currency": "CHF"}}],
        [{**earn, "vat": [{"rate": "19", "points": 4}]}],
        [{**earn, "vat": [{"rate": "19", "points": 2}, {"rate": "19.0", "points": 3}]}],
        [{**without_points, "vat": [{"rate": "19", "points": 4}]}],
    ]
    for operations in content:
        answer = await partner.shop.send(*operations)
        faults = [(fault["field"], fault["code"]) for fault in answer.document["errors"]]
        partner.told.append([answer.status, answer.document["code"], answer.document["retryable"], faults])
    await partner.post(json.dumps({"operations": [earn]}).encode(), headers={"Content-Type": "text/plain"})
    twice = json.dumps({"operations": [earn | {"id": "twice-told"}]}).replace('"points"', '"points": 4, "points"')
    await partner.post(twice.encode())
    unsigned = await partner.shop.post(b"{}", headers={"Signature-Input": None, "Signature": None})
    partner.told.append([unsigned.status, unsigned.document["code"]])


def bad_bodies(kind: str, card: str) -> list[str]:
    """Return messages with one operation of this kind, each wrong in some field."""
    named = {"capture": {"reserve_id": "reserve-1"}, "release": {"reserve_id": "reserve-1"}}
    fields = named.get(kind, {"operation_id": "burn-1"} if kind == "reverse" else {})
    good = operation(kind, card, points=None if kind == "release" else 1, **fields)
    changes: list[dict[str, Any]] = [
        {"card": "x", "occurred_at": "yesterday", "colour": "red", "shop": "a" * 65, "till": ""},
        {"occurred_at": "2026-01-01T00:00:00", "id": "a b"},
        {"type": "gift"},
        *({name: None} for name in ("id", "card", "occurred_at", "type")),
        *({"points": points} for points in (0, -1, 1_000_000_001, 1.5, "7", True, 2**53 + 1)),
        *({"timeout_s": timeout_s} for timeout_s in (0, 604_801, "900")),
        *({name: wrong} for name in fields for wrong in ("", "a b", 7, None)),
        *([{"purchase": {"amount": "1.2345", "currency": "EUR"}}] if kind in ("earn", "burn") else []),
    ]
    left_out = [{name: good[name] for name in good if name != missing} for missing in good if missing != "points"]
    return [json.dumps({"operations": [one]}) for one in [*(good | change for change in changes), *left_out]]


async def fields_at_fault(partner: Partner, bodies: list[str]) -> list[Any]:
    """Return which fields each hub names; its words for what is wrong with them are its own."""
    told = []
    for body in bodies:
        answer = await partner.shop.post(body.encode())
        faults = sorted({fault["field"] for fault in answer.document["errors"]})
        told.append([answer.status, answer.document["code"], faults])
    return told


async def script(make_partner: MakePartner) -> list[Any]:
    """Run every chapter; return all that the hub told, by chapter."""
    partner = await make_partner(earn_rate=Decimal(2))
    chapters = [
        bookings_and_refusals,
        reversals,
        holds,
        burns_without_a_network,
        points_go_back_under_a_hold,
        joint_promotions,
        time_outs,
        repeats_and_looking_up,
        reconciliations,
        messages_refused_as_a_whole,
        checkpoints_and_proofs,
        disputes,
        the_next_window,
    ]
    told: list[Any] = []
    for chapter in chapters:
        await chapter(partner)
        told += [(chapter.__name__, number, one) for number, one in enumerate(partner.told)]
        partner.told.clear()
    for rights in ({"may_burn": False}, {"may_earn": False}):
        limited = await make_partner(**rights)
        await limited.book("earn", "earn", points=10)
        await limited.book("without-rule", "earn", purchase={"amount": "1", "currency": "EUR"})
        await limited.book("burn", "burn", points=10)
        await limited.book("reserve", "reserve", points=10)
        await limited.book("reverse", "reverse", operation_id="earn")
        told += [(str(rights), number, one) for number, one in enumerate(limited.told)]
    return told


def real_partners(hub: RunningHub) -> MakePartner:
    async def make_partner(**settings: Any) -> Partner:
        shop = await hub.shop(f"Shop {settings}", **settings)
        card, other_card = await hub.cards(2)

        async def calculate() -> None:
            window = await close_window(hub.pool, clock=hub.clock, actor="test")
            await calculate_window(hub.pool, window, now=hub.clock(), actor="test")

        async def answer(number: int, accepted: Decimal | None) -> None:
            answered: dict[str, Any] = {"answer": "Looked at.", "now": hub.clock(), "actor": "test"}
            if accepted is None:
                await reject_dispute(hub.pool, number, **answered)
            else:
                await accept_dispute(hub.pool, number, amount=accepted, **answered)

        async def promote(name: str, budget: int) -> None:
            await hub.shop("Garage")
            begin, end = (hub.clock() + timedelta(days=days) for days in (-1, 1))
            payers = [(shop.name, 1), ("Garage", 1)]
            await add_promotion(hub.pool, NewPromotion(name, payers, begin, end, budget), now=hub.clock(), actor="test")
            await hub.clearing.registry.load()

        async def end(name: str) -> None:
            await end_promotion(hub.pool, name, now=hub.clock())
            await hub.clearing.registry.load()

        def advance(seconds: int) -> None:
            hub.clock.forward(timedelta(seconds=seconds))

        return Partner(shop, card, other_card, advance, calculate, answer, promote, end)

    return make_partner


@asynccontextmanager
async def fake_partners(hub: RunningHub) -> AsyncIterator[MakePartner]:
    """Each partner has a fake hub of its own; only the real one's HTTP session is used."""
    async with AsyncExitStack() as open_hubs:

        async def make_partner(**settings: Any) -> Partner:
            key = Ed25519PrivateKey.generate()
            fake = await open_hubs.enter_async_context(FakeHub(partner_public_key=key.public_key(), **settings))
            shop = Shop(hub.session, fake.url.removeprefix("http://"), private_key=key)

            async def calculate() -> None:
                # As the real hub works it out of the script's operations.
                lines = {"issue_charge": "15.42", "issue_charge_reversed": "-5.00", "redemption_credit": "-9.00"}
                lines["redemption_credit_reversed"] = "3.00"
                fake.add_statement({(code, 1): Decimal(amount) for code, amount in lines.items()})

            async def answer(number: int, accepted: Decimal | None) -> None:
                fake.answer_dispute(number, accepted=accepted)

            async def promote(name: str, budget: int) -> None:
                fake.add_promotion(name, budget=budget)

            async def end(name: str) -> None:
                fake.end_promotion(name)

            cards = fake.add_card(), fake.add_card()
            return Partner(shop, *cards, fake.advance, calculate, answer, promote, end)

        yield make_partner


async def test_one_script_is_answered_alike_by_both_hubs(whole_hub: RunningHub) -> None:
    """What passes in a partner's tests passes at the hub: bookings, refusals, and messages refused as a whole."""
    async with fake_partners(whole_hub) as make_partner:
        by_the_fake = await script(make_partner)
    by_the_real = await script(real_partners(whole_hub))

    assert len(by_the_fake) == len(by_the_real)
    for fake, real in zip(by_the_fake, by_the_real, strict=True):
        assert fake == real
    assert [one for _, _, one in by_the_real if one[0] in ("leads", "grown")] == [["leads", True]] * 6 + [
        ["grown", True]
    ]
    # What the script does not reach is not compared.
    codes = {result["code"] for _, _, answer in by_the_real for result in results_in(answer) if "code" in result}
    assert codes == REFUSALS
    refused = {one[1]["code"] for chapter, _, one in by_the_real if chapter == "disputes" and "code" in one[1]}
    assert refused == DISPUTES_REFUSED


@pytest.mark.parametrize("kind", ["earn", "burn", "reserve", "capture", "release", "reverse"])
async def test_the_same_fields_are_at_fault(whole_hub: RunningHub, kind: str) -> None:
    real = await real_partners(whole_hub)()
    async with fake_partners(whole_hub) as make_partner:
        fake = await make_partner()
        by_the_fake = await fields_at_fault(fake, bad_bodies(kind, fake.card))
    bodies = bad_bodies(kind, real.card)
    by_the_real = await fields_at_fault(real, bodies)

    assert list(zip(bodies, by_the_fake, strict=True)) == list(zip(bodies, by_the_real, strict=True))


async def test_what_is_no_message_is_refused_alike(whole_hub: RunningHub) -> None:
    real = await real_partners(whole_hub)()
    many = json.dumps({"operations": [operation("burn", real.card, points=1)] * 1_001})
    bodies = ["{}", '{"operations":[]}', '{"operations":7}', "[]", '{"operations":[7]}', " ", "{", "[1,", many]
    async with fake_partners(whole_hub) as make_partner:
        by_the_fake = await fields_at_fault(await make_partner(), bodies)
    assert by_the_fake == await fields_at_fault(real, bodies)


def results_in(answer: Any) -> list[dict[str, Any]]:
    document = answer[-1]
    return document.get("results", []) if isinstance(document, dict) else []
