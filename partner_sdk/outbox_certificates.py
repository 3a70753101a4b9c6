"""Certificates kept in the outbox, and the burns within them."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from partner_sdk.certificate import Certificate, SignedCertificate
from partner_sdk.errors import CertificateUnusableError, OperationIdReusedError
from partner_sdk.operation import Burn
from partner_sdk.outbox_file import OutboxFile
from partner_sdk.outbox_rows import insert_operations, operation_row, same_card


class KeptCertificates(OutboxFile):
    """The certificates that the hub gave out, with what is spent of each and its next counter."""

    _PUT_CERTIFICATE = """
        INSERT INTO certificate (id, card, points, text, keyid, signature, next_counter) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO NOTHING
    """

    def put_certificate(self, certificate: Certificate) -> None:
        """Keep a verified certificate; one that is kept already stays as it is."""
        signed = certificate.signed
        figures = (certificate.id, certificate.card, certificate.points)
        row = (*figures, signed.text, signed.keyid, signed.signature, certificate.next_counter)
        with self.transaction() as connection:
            connection.execute(self._PUT_CERTIFICATE, row)

    _CERTIFICATES = """
        SELECT text, keyid, signature, spent, next_counter FROM certificate
        WHERE (?1 IS NULL OR card = ?1) AND (?2 IS NULL OR id = ?2) ORDER BY rowid
    """

    def certificates(
        self, *, card: str | None = None, certificate_id: str | None = None
    ) -> list[tuple[SignedCertificate, int, int]]:
        """Return what is kept, oldest first: each certificate, the points burned within it and its next counter."""
        rows = self.rows(self._CERTIFICATES, None if card is None else same_card(card), certificate_id)
        return [(SignedCertificate(*row[:3]), row[3], row[4]) for row in rows]

    _USE_CERTIFICATE = """
        UPDATE certificate SET spent = spent + ?, next_counter = next_counter + 1
        WHERE id = ? AND next_counter = ? AND spent + ? <= points
    """

    def put_offline(
        self,
        burn: Burn,
        *,
        fitting: Callable[[], Certificate],
        now: datetime,
        clock_offset_s: float | None = None,
        keyid: str | None = None,
    ) -> str:
        """Number a burn within its certificate, count it and save it, in one commit; return its id.

        `fitting` returns the certificate as it is kept at that moment, or raises what the burn does not fit. A burn of
        the same id that was saved before keeps its number; OperationIdReusedError if that one was another.
        """
        with self.transaction() as connection:
            saved = self.rows("SELECT body FROM operation WHERE id = ?", burn.id)
            if saved:
                if not _is_same_burn(burn, json.loads(saved[0][0])):
                    raise OperationIdReusedError([burn.id])
                return burn.id
            certificate = fitting()
            counter = certificate.next_counter
            use = (burn.points, certificate.id, counter, burn.points)
            if connection.execute(self._USE_CERTIFICATE, use).rowcount != 1:
                raise CertificateUnusableError("certificate_unknown", f"certificate {certificate.id} is not kept here")
            numbered = Burn(**{**burn.model_dump(), "counter": counter})
            row = operation_row(numbered, saved_at=now.timestamp(), clock_offset_s=clock_offset_s, keyid=keyid)
            insert_operations(connection, [row], keyid=keyid)
        return burn.id


def _is_same_burn(burn: Burn, saved: Mapping[str, Any]) -> bool:
    """Say whether a saved operation is this burn; what the moment gave it, number and time, is left out."""
    asked = json.loads(burn.to_json())
    moment = {"occurred_at", "counter"}
    return {name: asked[name] for name in asked.keys() - moment} == {
        name: saved[name] for name in saved.keys() - moment
    }
