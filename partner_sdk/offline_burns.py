"""Burns without a network, within what the hub signed before."""

import json
from datetime import UTC, datetime, timedelta

from partner_sdk.certificate import Certificate, read_certificate, verify_certificate
from partner_sdk.connection import Connection
from partner_sdk.errors import CertificateUnusableError
from partner_sdk.operation import Burn, Purchase
from partner_sdk.operation_id import new_operation_id
from partner_sdk.outbox_rows import same_card


class OfflineBurns(Connection):
    """Certificates are asked for and verified online; a burn within one needs no line."""

    async def certificate(self, *, card: str, till: str, points: int, valid_s: int) -> Certificate:
        """Ask for a certificate, verify it and keep it in the outbox: `burn_offline` then needs no network.

        Nothing is reserved: what the member spends elsewhere meanwhile may be missing when the burn is booked, and your
        terms say who bears that. `valid_s` is 60 to 86,400. Raises MessageRejectedError with the hub's code if it gives
        out none (insufficient_points, too_many_certificates, certificate_over_limit, unknown_card, burn_not_allowed),
        and CertificateUnusableError for one that is not the hub's.
        """
        outbox, exchange, _ = self._parts()
        asked = {"card": card, "till": till, "points": points, "valid_s": valid_s}
        receipt = await exchange.ask("POST", "/v1/certificates", json.dumps(asked).encode())
        certificate = verify_certificate(read_certificate(receipt.content()), exchange.hub_keys)
        if (certificate.card, certificate.till, certificate.points) != (same_card(card), till, points):
            raise CertificateUnusableError("certificate_other", f"certificate {certificate.id} is not what was asked")
        outbox.put_certificate(certificate)
        return certificate

    def certificates(self, card: str | None = None) -> list[Certificate]:
        """Return the certificates in the outbox, of one card or all, oldest first, with what is left of them."""
        outbox, exchange, _ = self._parts()
        return [
            verify_certificate(signed, exchange.hub_keys, spent=spent, next_counter=counter)
            for signed, spent, counter in outbox.certificates(card=card)
        ]

    def burn_offline(
        self,
        *,
        card: str,
        points: int,
        certificate: Certificate | str,
        purchase: Purchase | None = None,
        shop: str | None = None,
        reference: str | None = None,
        id: str | None = None,
    ) -> str:
        """Burn within a certificate, given or named by its id, without a network: save it, return the operation's id.

        When it returns, the burn is on disk with its counter, and no kill gives the counter away again; the next
        `flush` sends it. It occurs now by the hub's clock, as last measured. Blocks for one commit.
        Raises CertificateUnusableError if the burn does not fit: then nothing is saved.
        """
        outbox, exchange, _ = self._parts()
        certificate_id = certificate if isinstance(certificate, str) else certificate.id
        now, offset_s = datetime.now(UTC), exchange.clock_offset_s
        hub_now = now + timedelta(seconds=offset_s or 0.0)
        kept = self._kept_certificate(certificate_id)
        burn = Burn(
            id=id or new_operation_id(),
            card=card,
            points=points,
            occurred_at=max(hub_now, kept.not_before),
            shop=shop,
            till=kept.till,
            reference=reference,
            purchase=purchase,
            certificate=certificate_id,
        )

        def fitting() -> Certificate:
            at_this_moment = self._kept_certificate(certificate_id)
            at_this_moment.refuse_unfitting(points, card=same_card(card), now=hub_now)
            return at_this_moment

        return outbox.put_offline(burn, fitting=fitting, now=now, clock_offset_s=offset_s, keyid=self.keyid)

    def _kept_certificate(self, certificate_id: str) -> Certificate:
        outbox, exchange, _ = self._parts()
        rows = outbox.certificates(certificate_id=certificate_id)
        if not rows:
            raise CertificateUnusableError("certificate_unknown", f"no certificate {certificate_id} in {outbox.path}")
        [(signed, spent, counter)] = rows
        # Verified anew each time: what lies in a file on a till may have been changed there.
        return verify_certificate(signed, exchange.hub_keys, spent=spent, next_counter=counter)
