"""Net debit caps: the largest position that a partner may run up unsettled, in money.

    position = issued * (issue_price + service_fee) - redeemed * redemption_price * (1 - commission)

net of reversals, over all windows that are not settled. A hold is no redemption: it gives room once it is captured.
Only earns are refused (`cap_reached`). A return of a burn is always booked; where the cap has no room for it, room is
taken from the other lanes first (`owed`), so that no earn is booked anywhere until as much was redeemed. A lane works
within what it was granted of the cap, as with a promotion's budget.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from coalition.ledger.decision import Refusal, TotalKind, points_of_earn
from coalition.ledger.operation import Earn
from coalition.ledger.participant import Participant


@dataclass(frozen=True, slots=True)
class PointPrices:
    """What a point costs a partner that issues it, and brings one that redeems it, by one version of its terms."""

    issued: Decimal
    redeemed: Decimal


# What a cap is counted in: money that is unpaid, or points of blocks that were paid before.
CapBasis = Literal["money", "points"]


@dataclass(frozen=True, slots=True)
class Cap:
    """A partner's cap, in minor units of the currency or in points, with its prices by the version of its terms.

    A cap in points is what a partner has bought as blocks: a point that it issues under terms that prepay costs one."""

    partner: int
    cap_minor: int
    prices: Mapping[int, PointPrices]
    basis: CapBasis = "money"


NO_CAPS: Mapping[int, Cap] = MappingProxyType({})


@dataclass(slots=True)
class Position:
    """A partner's position as one lane booked it, and up to which the lane may raise it without asking; in money."""

    granted: Decimal
    used: Decimal


class Caps:
    """The caps as they apply to one batch. `positions` are counted up in place; `spent` are the partners whose cap has
    no more room for this lane, `returned` those of them whose returns may pass it; `short` are those that lack some
    room, with how much, `owed` those whose returns do."""

    def __init__(
        self,
        known: Mapping[int, Cap],
        positions: Mapping[int, Position],
        *,
        spent: AbstractSet[int] = frozenset(),
        returned: AbstractSet[int] = frozenset(),
    ) -> None:
        self.short: dict[int, Decimal] = {}
        self.owed: dict[int, Decimal] = {}
        self._returned = returned
        self._known = known
        self._positions = positions
        self._spent = spent

    @property
    def are_on(self) -> bool:
        """Whether anybody who pays in this batch has a cap."""
        return bool(self._positions)

    def refusal_of(self, earn: Earn, partner: Participant) -> Refusal | None:
        """Return why an earn that its own partner pays for is refused; whatever else it is refused for is not told."""
        if partner.partner not in self._positions:
            return None
        earned = points_of_earn(earn, partner)
        if isinstance(earned, Refusal):
            return None
        points, terms = earned
        return self.refusal_of_bill([(partner.partner, terms.version, points)], points, issuer=partner.partner)

    def refusal_of_bill(self, bill: Iterable[tuple[int, int, int]], points: int, *, issuer: int) -> Refusal | None:
        """Return why points can't be billed to these payers, by their terms' versions. A cap is told to its partner
        alone."""
        values: dict[int, Decimal] = {}
        for payer, version, share in bill:
            if payer in self._positions:
                value = share * self._known[payer].prices[version].issued
                values[payer] = values.get(payer, Decimal(0)) + value
        for payer, value in values.items():
            position = self._positions[payer]
            lacking = position.used + value - position.granted
            if lacking <= 0:
                continue
            if payer in self._spent:
                detail = (("limit", self._known[payer].cap_minor),) if payer == issuer else ()
                return Refusal("cap_reached", "earn", points, detail=detail)
            self.short[payer] = max(self.short.get(payer, Decimal(0)), lacking)
        return None

    def count(self, partner: int, kind: TotalKind, version: int, points: int) -> None:
        """Count what a statement line grew by."""
        position = self._positions.get(partner)
        if position is None or kind not in SIGNS:
            return
        prices = self._known[partner].prices[version]
        price = prices.issued if kind in ("issued", "issue_reversed") else prices.redeemed
        position.used += SIGNS[kind] * points * price
        lacking = position.used - position.granted
        if kind != "redeem_reversed" or lacking <= 0:
            return
        if partner not in self._spent:
            self.short[partner] = max(self.short.get(partner, Decimal(0)), lacking)
        elif partner not in self._returned:
            self.owed[partner] = max(self.owed.get(partner, Decimal(0)), lacking)


SIGNS: Mapping[TotalKind, int] = {"issued": 1, "issue_reversed": -1, "redeemed": -1, "redeem_reversed": 1}
