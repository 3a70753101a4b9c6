"""A webhook as it came, verified before a word of it is believed: Standard Webhooks 1.0, scheme v1a (Ed25519)."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from partner_sdk.errors import AnswerNotUnderstoodError, KeyUnusableError, WebhookInvalidError
from partner_sdk.keys import load_public_key
from partner_sdk.result import Event, parse_event

SCHEME = "v1a"
KEY_PREFIX = "whpk_"
# How far its moment may be from now, either way: an older one may be sent again by whoever saw it.
TOLERANCE = timedelta(minutes=5)

HubKey = Ed25519PublicKey | str | Path | bytes


@dataclass(frozen=True, slots=True)
class Webhook:
    """What the hub told. A repeat has the same `id`; `events` is empty in a trial. Their `cursor` is None."""

    id: str
    events: tuple[Event, ...]


def read_webhook(
    headers: Mapping[str, str], body: bytes, *, keys: Iterable[HubKey], partner: str, now: datetime | None = None
) -> Webhook:
    """Verify a POST by its headers and the bytes of its body, as they came, and return what it tells.

    `keys` are the hub's, as the operator tells them (`whpk_...`) or as PEM; `partner` is the name by which the operator
    knows you, since the hub signs for all partners with one key. Raises WebhookInvalidError, KeyUnusableError.
    """
    named = {name.lower(): value for name, value in headers.items()}
    webhook_id, sent_s, signatures = (_header(named, f"webhook-{part}") for part in ("id", "timestamp", "signature"))
    signed = f"{webhook_id}.{sent_s}.".encode() + body
    if not any(_verifies(_key(key), signatures, signed) for key in keys):
        raise WebhookInvalidError(f"no signature of {webhook_id!r} is the hub's, over this id, timestamp and body")
    now = now or datetime.now(UTC)
    # Signed, so by the hub: whole seconds.
    sent_at = datetime.fromtimestamp(int(sent_s), UTC)
    if abs(now - sent_at) > TOLERANCE:
        raise WebhookInvalidError(f"expected at most {TOLERANCE} between {sent_at.isoformat()} and {now.isoformat()}")
    return Webhook(webhook_id, _events(body, partner=partner))


def _events(body: bytes, *, partner: str) -> tuple[Event, ...]:
    try:
        data = json.loads(body)["data"]
        told, events = data["partner"], data.get("events", [])
        if told != partner:
            raise WebhookInvalidError(f"expected one for {partner!r}, got one for {told!r}")
        return tuple(parse_event(raw, cursor=None) for raw in events)
    except (KeyError, TypeError, ValueError, AttributeError, AnswerNotUnderstoodError) as fault:
        raise WebhookInvalidError(f"expected events, got {body[:200]!r}") from fault


def _header(headers: Mapping[str, str], name: str) -> str:
    if name not in headers:
        raise WebhookInvalidError(f"expected the header {name}, got none")
    return headers[name]


def _verifies(key: Ed25519PublicKey, signatures: str, signed: bytes) -> bool:
    return any(_is_signature(key, one, signed) for one in signatures.split(" ") if one.startswith(f"{SCHEME},"))


def _is_signature(key: Ed25519PublicKey, signature: str, signed: bytes) -> bool:
    try:
        key.verify(base64.b64decode(signature.removeprefix(f"{SCHEME},"), validate=True), signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _key(key: Any) -> Ed25519PublicKey:
    if not isinstance(key, str) or not key.startswith(KEY_PREFIX):
        return load_public_key(key)
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix(KEY_PREFIX), validate=True))
    except ValueError as fault:
        raise KeyUnusableError(f"expected {KEY_PREFIX} and 32 bytes in base64, got {key:.60}") from fault
