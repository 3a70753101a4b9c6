"""Joint promotions: an earn that several payers fund by share, out of a budget that is never passed.

    unknown_promotion -> promotion_not_running -> what any earn is refused for -> no_terms_of_payer
        -> promotion_budget_spent -> cap_reached

A promotion is running by the moment of the sale. Its budget is in points and counts what was earned less what was
reversed; it is shared out over the lanes as allowances. A lane whose allowance is too small decides as if it had more,
tells what it lacks (`short`), and decides anew once it was granted more, or is told that there is no more (`spent`).
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from coalition.ledger.account import Account
from coalition.ledger.cap import Caps
from coalition.ledger.decision import (
    NO_RATE,
    Booking,
    PayerShare,
    Refusal,
    Sale,
    points_of_earn,
    uses_of,
)
from coalition.ledger.lot import Lot, parse_rate, rate_text
from coalition.ledger.operation import Earn
from coalition.ledger.participant import Participant, TermsVersion
from coalition.ledger.split import split_points


@dataclass(frozen=True, slots=True)
class Promotion:
    """`payers` with their shares in the order stated; `issuers`: the partners that may name it. It runs from
    `starts_at` to before `ends_at`."""

    promotion: int
    name: str
    starts_at: datetime
    ends_at: datetime
    payers: tuple[tuple[Participant, int], ...]
    issuers: frozenset[int]

    def is_running_at(self, moment: datetime) -> bool:
        return self.starts_at <= moment < self.ends_at


NO_PROMOTIONS: Mapping[str, Promotion] = MappingProxyType({})


@dataclass(slots=True)
class Allowance:
    """What one lane may use of a budget without asking, and what it has used."""

    granted: int = 0
    used: int = 0

    @property
    def left(self) -> int:
        return self.granted - self.used


class BilledShare(NamedTuple):
    """What a record billed to a payer, in the order of the table's columns; `leaf` and `part` as those of the lots,
    where it is an earn."""

    lane: int
    leaf: int
    part: int
    promotion: int
    payer: int
    terms_version: int
    vat_rate: str
    points: int


class Promotions:
    """The promotions as they apply to one batch. `known` by name and by number; `allowances` are counted up in place;
    `spent` are those whose budget has no more for this lane."""

    def __init__(
        self,
        known: Mapping[str, Promotion],
        allowances: dict[int, Allowance],
        *,
        spent: AbstractSet[int] = frozenset(),
    ) -> None:
        self.allowances = allowances
        self.short: dict[int, int] = {}
        self.billed: list[BilledShare] = []
        self._known = known
        self._spent = spent

    def decide_earn(
        self, account: Account, earn: Earn, *, partner: Participant, sale: Sale, leaf: int, caps: Caps
    ) -> Booking | Refusal:
        """Book points that come in with a purchase and are paid by a promotion's payers, one lot for each payer and VAT
        rate."""
        asked = earn.points or 0
        promotion = self._known.get(earn.promotion or "")
        if promotion is None or partner.partner not in promotion.issuers:
            return Refusal("unknown_promotion", "earn", asked)
        if not promotion.is_running_at(earn.occurred_at):
            return Refusal("promotion_not_running", "earn", asked)
        earned = points_of_earn(earn, partner)
        if isinstance(earned, Refusal):
            return earned
        points, terms = earned
        payers = [(payer, payer.terms_at(earn.occurred_at), share) for payer, share in promotion.payers]
        funding = [(payer.partner, version, share) for payer, version, share in payers if version is not None]
        if len(funding) < len(payers):
            return Refusal("no_terms_of_payer", "earn", points)
        allowance = self.allowances.setdefault(promotion.promotion, Allowance())
        if promotion.promotion in self._spent and points > allowance.left:
            return Refusal("promotion_budget_spent", "earn", points, detail=(("left", allowance.left),))
        shares = _payer_shares(earn, points, funding)
        bill = [(payer, version, share) for (payer, version, _), share in shares]
        if (capped := caps.refusal_of_bill(bill, points, issuer=partner.partner)) is not None:
            return capped
        self._use(promotion.promotion, points)
        lots = [
            Lot(
                leaf=leaf,
                part=part,
                issuer=partner.partner,
                payer=payer,
                month_of_sale=sale.month,
                vat_rate=parse_rate(rate) if rate else None,
                expires_on=sale.expires_on,
                points=share,
                remaining=share,
            )
            for part, ((payer, _, rate), share) in enumerate(shares)
        ]
        repaid = account.add(lots)
        account.expire_from(sale.expires_on)
        return Booking(
            "earn",
            points,
            terms.version,
            tuple((rate, share) for (_, _, rate), share in shares),
            new_lots=lots,
            uses=uses_of(repaid, leaf=leaf),
            payer_shares=tuple(shares),
            promotion=promotion.promotion,
        )

    def count(self, booking: Booking, *, lane: int, leaf: int) -> None:
        """Keep what was billed to whom at `leaf`; what a reversal undoes is free for others to earn."""
        assert booking.promotion is not None, "only what a promotion pays for is billed by share"
        if booking.kind == "reverse_earn":
            self._use(booking.promotion, -booking.points)
        for part, ((payer, terms_version, rate), points) in enumerate(booking.payer_shares):
            self.billed.append(BilledShare(lane, leaf, part, booking.promotion, payer, terms_version, rate, points))

    def _use(self, promotion: int, points: int) -> None:
        allowance = self.allowances.setdefault(promotion, Allowance())
        allowance.used += points
        if allowance.left < 0:
            self.short[promotion] = max(self.short.get(promotion, 0), -allowance.left)


def _payer_shares(
    earn: Earn, points: int, funding: Sequence[tuple[int, TermsVersion, int]]
) -> list[tuple[PayerShare, int]]:
    """Return each payer's part of each VAT rate: rate by rate, in it payer by payer, no part without a point."""
    stated = [(NO_RATE, points)] if earn.vat is None else [(share.rate, share.points) for share in earn.vat]
    rows = split_points([amount for _, amount in stated], [share for _, _, share in funding])
    return [
        ((payer, terms.version, rate_text(parse_rate(rate)) if rate else NO_RATE), part)
        for (rate, _), row in zip(stated, rows, strict=True)
        for (payer, terms, _), part in zip(funding, row, strict=True)
        if part
    ]
