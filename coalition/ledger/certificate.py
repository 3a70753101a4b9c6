"""Burns without a network: a certificate lets one till burn up to so many points of a card until a moment.

It reserves nothing. What was spent elsewhere meanwhile is missing when the burn is booked; who bears that is in the
terms of the partner that burned (`offline_loss`): the partner, whose burn is refused, or the member, who then owes it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from coalition.ledger.account import Account
from coalition.ledger.decision import NO_RATE, Booking, Refusal, Sale, uses_of
from coalition.ledger.lot import Lot
from coalition.ledger.operation import Burn
from coalition.ledger.participant import Participant

VALID_S_MIN = 60
VALID_S_MAX = 86_400
OPEN_CERTIFICATES_MAX = 5


class CertificateUse(NamedTuple):
    """The burn at `leaf`, by its number within the certificate."""

    counter: int
    leaf: int
    points: int


@dataclass(slots=True)
class Certificate:
    """The working copy of one that the hub signed. `counters` are those of booked burns; `uses` those of this batch."""

    certificate_id: str
    account: int
    partner: int
    card: str
    till: str
    points: int
    spent: int
    not_before: datetime
    not_after: datetime
    counters: list[int] = field(default_factory=list)
    uses: list[CertificateUse] = field(default_factory=list)

    def refusal_of(self, burn: Burn, *, partner: int) -> Refusal | None:
        """Return why the burn is outside the certificate; whether there are points to burn is not judged."""
        if (self.partner, self.card, self.till) != (partner, burn.card, burn.till):
            return Refusal("certificate_other", "burn", burn.points)
        if not self.not_before <= burn.occurred_at <= self.not_after:
            return Refusal("certificate_expired", "burn", burn.points)
        if burn.counter in self.counters:
            return Refusal("certificate_counter_used", "burn", burn.points)
        left = self.points - self.spent
        if burn.points > left:
            return Refusal("certificate_spent", "burn", burn.points, detail=(("left", left),))
        return None

    def use(self, burn: Burn, *, leaf: int) -> None:
        """Count a burn that is booked at `leaf`."""
        assert burn.counter is not None, "admission refuses a certificate without a counter"
        self.spent += burn.points
        self.counters.append(burn.counter)
        self.uses.append(CertificateUse(burn.counter, leaf, burn.points))


def decide_offline_burn(
    account: Account, burn: Burn, certificate: Certificate | None, *, partner: Participant, sale: Sale, leaf: int
) -> Booking | Refusal:
    """Book points that a till burned within a certificate, which may no longer be there. `sale` is the day of booking.

    What the member then owes is lent to him as a lot of this burn: so its points all come from lots, and a reversal
    brings them back to where they came from, the debt first."""
    terms = partner.terms_at(burn.occurred_at)
    if terms is None:
        return Refusal("no_terms", "burn", burn.points)
    if not partner.may_burn:
        return Refusal("burn_not_allowed", "burn", burn.points)
    if certificate is None or certificate.account != account.account:
        return Refusal("certificate_unknown", "burn", burn.points)
    refusal = certificate.refusal_of(burn, partner=partner.partner)
    if refusal is not None:
        return refusal
    covered = min(burn.points, max(account.available, 0))
    lent = burn.points - covered
    if lent and terms.offline_loss == "partner":
        return Refusal("insufficient_points", "burn", burn.points)
    lots: list[Lot] = []
    if lent:
        issuer = partner.partner
        lots = [Lot(leaf, 0, issuer, issuer, sale.month, None, sale.expires_on, lent, lent)]
        account.lend(lots[0])
    uses = uses_of(account.take(burn.points), leaf=leaf)
    certificate.use(burn, leaf=leaf)
    detail = (("covered", covered),) if lent else ()
    shares = ((NO_RATE, burn.points),)
    return Booking("burn", burn.points, terms.version, shares, new_lots=lots, uses=uses, detail=detail)
