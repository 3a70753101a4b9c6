"""A partner as the ledger sees it: what it may do, and its terms by date."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

# Who bears an offline burn whose points are gone when it is booked.
OfflineLoss = Literal["partner", "member"]
# Who pays for points, and when: pool at issue, issuer_pays at burn, prepaid before.
Funding = Literal["pool", "issuer_pays", "prepaid"]
# Who bears a returned sale whose points are gone.
ReturnLoss = Literal["member", "issuer"]
# Of the bill alone, as funding is: who bears a bank's fee for a payment that comes back.
ReturnFee = Literal["rule", "operator", "partner"]


@dataclass(frozen=True, slots=True)
class TermsVersion:
    """`earn_rate`: points per unit of the programme's currency; None: points must be sent."""

    version: int
    valid_from: datetime
    earn_rate: Decimal | None
    offline_loss: OfflineLoss = "partner"
    return_loss: ReturnLoss = "member"


@dataclass(frozen=True, slots=True)
class Participant:
    """`terms` are sorted by `valid_from`. `burns_until`: from when on its burns are refused, as it leaves."""

    partner: int
    name: str
    status: str
    may_earn: bool
    may_burn: bool
    terms: tuple[TermsVersion, ...]
    burns_until: datetime | None = None

    def as_of(self, now: datetime) -> "Participant":
        """Return what it may do at a moment, whether or not anybody has marked the end of its tail."""
        if self.burns_until is None or now < self.burns_until:
            return self
        return replace(self, may_burn=False)

    def terms_of(self, version: int) -> TermsVersion | None:
        """Return a version by its number."""
        return next((terms for terms in self.terms if terms.version == version), None)

    def terms_at(self, moment: datetime) -> TermsVersion | None:
        """Return the version valid at that moment; None before the first."""
        for version in reversed(self.terms):
            if version.valid_from <= moment:
                return version
        return None
