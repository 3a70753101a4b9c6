"""An operator's page: one record of the journal, its lots, and the signed message behind it, verified on the spot."""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from coalition.journal.record import record_hash
from coalition.operations.verify_message import fault_of_message
from coalition.pages.door import add_page
from coalition.pages.errors import PageRefusedError
from coalition.pages.operator_sign_in import signed_in_operator
from coalition.pages.visit import Visit
from coalition.signatures.keys import public_key_pem
from coalition.stores.evidence import (
    KeptMessage,
    Record,
    find_message,
    find_record,
    load_moved_lots,
    load_reversals,
)

log = structlog.get_logger()

PATH: Final = "/finance/operations"
LOTS_SHOWN: Final = 200
REVERSALS_SHOWN: Final = 100
LANE_PATTERN: Final = re.compile(r"[0-9]{1,4}")
LEAF_PATTERN: Final = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A record, and its message as it was kept; None: it has none, or the message is missing."""

    record: Record
    message: KeptMessage | None

    @property
    def place(self) -> str:
        return f"{self.record.lane}/{self.record.leaf}"


def add_operation_pages(app: web.Application) -> None:
    """Add the pages to the operators' area, whose frame stands there already."""
    record = PATH + "/{lane}/{leaf}"
    add_page(app, "GET", record, show_operation, area="finance")
    add_page(app, "GET", record + "/message", download_message, area="finance")
    add_page(app, "GET", record + "/evidence.json", download_evidence, area="finance")


async def show_operation(visit: Visit) -> web.StreamResponse:
    operator = await signed_in_operator(visit)
    evidence = await _find(visit)
    record, message = evidence.record, evidence.message
    async with visit.site.pool.acquire() as connection:
        lots = await load_moved_lots(connection, record, count_max=LOTS_SHOWN) if record.account is not None else []
        reversals = await load_reversals(connection, record, count_max=REVERSALS_SHOWN)
    log.info("operation.looked_up", operator=operator.name, lane=record.lane, leaf=record.leaf)
    return visit.render(
        "operation.html",
        record=record,
        place=evidence.place,
        path=PATH,
        lots=lots,
        lots_max=LOTS_SHOWN,
        reversals=reversals,
        leaf_hash=record_hash(message=record.message, index=record.message_index, result=record.result).hex(),
        answered=_indented(record.result),
        message=message,
        fault=None if message is None else fault_of_message(message),
        **(_part(record, message) if message is not None else {}),
    )


async def download_message(visit: Visit) -> web.StreamResponse:
    """Answer the body of the message, byte for byte."""
    message = await _found_message(visit)
    return _download(message.body, f"message-{message.digest.hex()[:16]}.json")


async def download_evidence(visit: Visit) -> web.StreamResponse:
    """Answer all that it takes to verify the message anywhere, without the hub."""
    message = await _found_message(visit)
    document = {
        "method": "POST",
        "authority": message.authority,
        "target": message.target,
        "received_at": message.received_at.isoformat(),
        "content_digest": message.content_digest,
        "signature_input": message.signature_input,
        "signature": message.signature,
        "keyid": message.keyid,
        "public_key": _pem(message),
        "body_base64": base64.b64encode(message.body).decode(),
    }
    return _download(json.dumps(document, indent=1).encode(), f"evidence-{message.digest.hex()[:16]}.json")


async def _found_message(visit: Visit) -> KeptMessage:
    operator = await signed_in_operator(visit)
    evidence = await _find(visit)
    if evidence.message is None:
        raise PageRefusedError(status=404, key="record_unknown")
    log.info("operation.message_read", operator=operator.name, digest=evidence.message.digest.hex())
    return evidence.message


async def _find(visit: Visit) -> Evidence:
    lane, leaf = (visit.request.match_info[name] for name in ("lane", "leaf"))
    if not LANE_PATTERN.fullmatch(lane) or not LEAF_PATTERN.fullmatch(leaf):
        raise PageRefusedError(status=404, key="record_unknown")
    async with visit.site.pool.acquire() as connection:
        record = await find_record(connection, lane=int(lane), leaf=int(leaf))
        if record is None:
            raise PageRefusedError(status=404, key="record_unknown")
        message = None
        if record.message is not None and record.partner is not None:
            message = await find_message(
                connection,
                lane=int(lane),
                partner=record.partner,
                digest=record.message,
                lanes=visit.site.programme.lanes,
            )
    return Evidence(record, message)


def _part(record: Record, message: KeptMessage) -> dict[str, Any]:
    """Return the one operation of the message that this record is about: the others are of other cards."""
    operations = json.loads(message.body)["operations"]
    index = record.message_index or 0
    return {"index": index + 1, "count": len(operations), "part": _indented(json.dumps(operations[index]))}


def _pem(message: KeptMessage) -> str | None:
    if message.public_key is None:
        return None
    return public_key_pem(Ed25519PublicKey.from_public_bytes(message.public_key)).decode()


def _indented(text: str) -> str:
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False)


def _download(body: bytes, name: str) -> web.Response:
    headers = {"Content-Type": "application/json", "Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=body, headers=headers)
