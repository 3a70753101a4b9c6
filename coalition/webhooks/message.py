"""What is posted, and what proves whose it is: Standard Webhooks 1.0, asymmetric signatures (v1a)."""

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from coalition.journal.record import timestamp
from coalition.operations.read_events import event_json
from coalition.stores.events import Event

# The specification asks for less than 20 kB; an event has about 450 bytes.
EVENTS_MAX = 40

# Takes content, returns its Ed25519 signature by the hub's key. The content begins with the message's id: it can be
# taken for nothing else that this key signs, which begins with a quotation mark.
Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """A body with the id under which each repeat of it comes."""

    webhook_id: str
    body: bytes


def events_message(events: Sequence[Event], *, partner_name: str) -> WebhookMessage:
    """Return the message for one page of a partner's events; the same for the same events, whenever it is made.

    It names the partner: the hub's key is one for all, and what one partner got could be sent on to another."""
    first, last = events[0], events[-1]
    listed = ",".join(event_json(event) for event in events)
    body = (
        f'{{"type":"coalition.events","timestamp":"{timestamp(last.booked_at)}",'
        f'"data":{{"partner":{json.dumps(partner_name)},"events":[{listed}]}}}}'
    )
    return WebhookMessage(f"events-{first.lane}-{first.leaf}-{last.lane}-{last.leaf}", body.encode())


def trial_message(trial_id: str, *, partner_name: str, now: datetime) -> WebhookMessage:
    """Return a message that tells of nothing; a receiver that answers it has its address and the key right."""
    document = {"type": "coalition.test", "timestamp": timestamp(now), "data": {"partner": partner_name}}
    return WebhookMessage(f"test-{trial_id}", json.dumps(document, separators=(",", ":")).encode())


def signed_headers(message: WebhookMessage, sign: Sign, *, now: datetime) -> dict[str, str]:
    """Return the headers of one attempt, made at `now`."""
    attempted_s = str(int(now.timestamp()))
    content = f"{message.webhook_id}.{attempted_s}.".encode() + message.body
    return {
        "Content-Type": "application/json",
        "webhook-id": message.webhook_id,
        "webhook-timestamp": attempted_s,
        "webhook-signature": f"v1a,{b64encode(sign(content)).decode()}",
    }
