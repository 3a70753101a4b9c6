"""Random histories: what shops may send, in any order, with everything that goes wrong at tills."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from random import Random
from typing import Any

from coalition.journal.record import content_digest
from coalition.ledger.batch import Command
from coalition.ledger.certificate import Certificate
from coalition.ledger.operation import AnyOperation, Burn, Capture, Earn, Release, Reserve, Reverse
from coalition.ledger.participant import Participant, TermsVersion
from coalition.ledger.promotion import Promotion

TODAY = datetime(2026, 11, 21, 12, tzinfo=UTC)
MOVES = (
    *("earn",) * 4,
    *("burn",) * 3,
    *("reserve",) * 3,
    *("capture",) * 2,
    "release",
    *("reverse",) * 4,
    "repeat",
    "reuse",
)
MOVES_WITH_CERTIFICATES = (*MOVES, *("offline",) * 3)
# How time passes between batches: a moment, a minute or two, days, months.
STEPS = [*[timedelta(seconds=1)] * 3, timedelta(seconds=70), timedelta(days=3), timedelta(days=3), timedelta(days=20)]


def example_partners() -> list[Participant]:
    """Three partners: one with an earn rate and new terms since yesterday, one that only earns, one that is new and
    may not earn."""
    always, yesterday = datetime(2000, 1, 1, tzinfo=UTC), TODAY - timedelta(days=1)
    first = TermsVersion(1, always, Decimal("0.5"))
    return [
        Participant(1, "Bakery", "active", True, True, (first, TermsVersion(2, yesterday, Decimal("2"), "member"))),
        Participant(2, "Garage", "active", True, False, (TermsVersion(1, always, None),)),
        Participant(3, "Cinema", "active", False, True, (TermsVersion(1, yesterday, None),)),
    ]


def example_promotions() -> list[Promotion]:
    """One of two payers, that began ten days ago and lets all issue; one of three, a payer of which is new."""
    bakery, garage, cinema = example_partners()
    began, ends = TODAY - timedelta(days=10), TODAY + timedelta(days=60)
    return [
        Promotion(1, "double", began, ends, ((bakery, 2), (garage, 1)), frozenset({1, 2, 3})),
        Promotion(
            2, "winter", began - timedelta(days=50), ends, ((cinema, 3), (bakery, 3), (garage, 1)), frozenset({1})
        ),
    ]


def example_certificates(accounts: Sequence[int]) -> list[Certificate]:
    """For each account and each partner that may burn, one that lasts for most of a history."""
    starts, ends = TODAY - timedelta(days=1), TODAY + timedelta(days=90)
    return [
        Certificate(f"c-{account}-{partner}", account, partner, "2760000000018", "3", 60, 0, starts, ends)
        for account in accounts
        for partner in (1, 3)
    ]


class History:
    """Makes one operation after the other, by chance; earns name promotions only where there are some."""

    def __init__(
        self,
        *,
        accounts: list[int],
        partners: list[Participant],
        prefix: str = "op",
        promotions: Sequence[Promotion] = (),
        certificates: Sequence[Certificate] = (),
    ) -> None:
        self._promotions = promotions
        self._certificates = certificates
        self._random, self._now = Random(), TODAY
        self._accounts = accounts
        self._partners = partners
        self._prefix = prefix
        self.commands: list[Command] = []

    def take(self, count: int, random: Random, now: datetime = TODAY) -> list[Command]:
        """Return so many more operations as a lane's queue gets them."""
        self._random, self._now = random, now
        return [self._next() for _ in range(count)]

    def _next(self) -> Command:
        moves = MOVES_WITH_CERTIFICATES if self._certificates else MOVES
        move = self._random.choice(moves) if self.commands else "earn"
        if move == "repeat":
            command = self._random.choice(self.commands)
        elif move == "reuse":
            first = self._random.choice(self.commands)
            command = self._command(
                self._random.choice(["earn", "burn"]), first.partner, operation_id=first.operation.id
            )
        else:
            command = self._command(move, self._random.choice(self._partners))
        self.commands.append(command)
        return command

    def _command(self, kind: str, partner: Participant, *, operation_id: str | None = None) -> Command:
        number = len(self.commands)
        account = self._random.choice(self._accounts)
        fields: dict[str, Any] = {
            "id": operation_id or f"{self._prefix}-{number}",
            "card": "2760000000018",
            "occurred_at": self._now - timedelta(days=self._random.choice([0, 0, 0, 0, 2, 40, 300])),
        }
        operation: AnyOperation
        if kind == "earn":
            operation = Earn(type="earn", **fields, **self._earning(), **self._promoted())
        elif kind == "burn":
            operation = Burn(type="burn", **fields, points=self._random.randint(1, 8))
        elif kind == "offline":
            certificate = self._random.choice(self._certificates)
            if self._random.randint(0, 9):
                account = certificate.account
                partner = next(one for one in self._partners if one.partner == certificate.partner)
                fields["occurred_at"] = self._now
            operation = Burn(type="burn", **fields, **self._certified(certificate))
        elif kind == "reserve":
            points, timeout_s = self._random.randint(1, 6), self._random.choice([1, 60, 7 * 86_400, 7 * 86_400])
            operation = Reserve(type="reserve", **fields, points=points, timeout_s=timeout_s)
        elif kind in ("capture", "release"):
            reserve_id, partner, account = self._reserve(partner, account)
            part = self._random.choice([None, self._random.randint(1, 5)])
            operation = (
                Capture(type="capture", **fields, reserve_id=reserve_id, points=part)
                if kind == "capture"
                else Release(type="release", **fields, reserve_id=reserve_id)
            )
        else:
            original, partner, account = self._original(partner, account)
            points = self._random.choice([None, None, self._random.randint(1, 8)])
            operation = Reverse(type="reverse", **fields, operation_id=original, points=points)
        body = operation.model_dump_json(exclude_none=True).encode() + str(account).encode()
        return Command(
            partner,
            operation,
            account,
            sha256(body).digest(),
            number % 3,
            content_digest(body),
            card_refusal=self._card_refusal(operation),
        )

    def _card_refusal(self, operation: AnyOperation) -> str | None:
        """Now and then the card may not be used; what was begun with it may be finished, and undone."""
        if not isinstance(operation, Earn | Burn | Reserve) or self._random.randint(0, 14):
            return None
        return self._random.choice(["card_blocked", "card_replaced", "account_closed"])

    def _earning(self) -> dict[str, Any]:
        form = self._random.choice(["points", "points", "vat", "purchase"])
        if form == "purchase":
            amount = f"{self._random.randint(0, 25)}.99"
            return {"purchase": {"amount": amount, "currency": "EUR"}}
        if form == "points":
            return {"points": self._random.randint(5, 25)}
        shares = [self._random.randint(2, 12), self._random.randint(2, 12)]
        vat = [{"rate": rate, "points": share} for rate, share in zip(("19", "7.00"), shares, strict=True)]
        return {"points": sum(shares), "vat": vat}

    def _promoted(self) -> dict[str, Any]:
        if not self._promotions or self._random.randint(0, 1) == 0:
            return {}
        named = [promotion.name for promotion in self._promotions] * 3 + ["1", "none"]
        return {"promotion": self._random.choice(named)}

    def _certified(self, certificate: Certificate) -> dict[str, Any]:
        """Mostly what a till would send, and what a broken one might."""
        chance = self._random
        return {
            "points": chance.randint(1, 12),
            "certificate": chance.choice([certificate.certificate_id] * 9 + ["made-up"]),
            "counter": chance.randint(0, 20),
            "till": chance.choice([certificate.till] * 9 + ["4"]),
        }

    def _reserve(self, partner: Participant, account: int) -> tuple[str, Participant, int]:
        """Mostly a reserve of late; else as `_original`."""
        reserves = [command for command in self.commands if isinstance(command.operation, Reserve)]
        if not reserves or self._random.randint(0, 4) == 0:
            return self._original(partner, account)
        first = self._random.choice(reserves[-4:])
        return first.operation.id, first.partner, first.account

    def _original(self, partner: Participant, account: int) -> tuple[str, Participant, int]:
        """Mostly an operation of the same partner and account; now and then a stranger's, or one still to come."""
        if self._random.randint(0, 7) == 0:
            return f"{self._prefix}-{len(self.commands) + self._random.randint(1, 3)}", partner, account
        originals = [command for command in self.commands if isinstance(command.operation, Earn | Burn | Capture)]
        first = self._random.choice(self.commands if self._random.randint(0, 4) == 0 or not originals else originals)
        if self._random.randint(0, 7) == 0:
            return first.operation.id, partner, account
        return first.operation.id, first.partner, first.account
