"""What partners may look up: a card's balance, an operation's result."""

import json
import re
from datetime import timedelta

from aiohttp import web

from coalition.errors import FieldFault, NotFoundError, RequestRefusedError
from coalition.http.answers import CardAnswer, OperationAnswer
from coalition.http.problems import shortened
from coalition.http.routes import CLEARING, POOL, Answer, PartnerCall, Route
from coalition.journal.record import timestamp
from coalition.ledger.operation import CARD_PATTERN, OPERATION_ID_PATTERN
from coalition.programme.card_number import normalised
from coalition.stores.balances import OpenHold, standing_of
from coalition.stores.journal import load_result


async def get_card(request: web.Request, call: PartnerCall) -> Answer:
    """Answer a card's balance, what is available of it, what is on hold, and all that expires."""
    card = asked_card(request)
    place = (await request.app[CLEARING].cards.find([card])).get(card)
    if place is None:
        raise RequestRefusedError(status=404, code="unknown_card", detail=f"No account has card {card}.")
    clearing = request.app[CLEARING]
    kept = await clearing.accounts.find(place.of_account)
    now = clearing.clock()
    calendar = clearing.registry.calendar
    standing = standing_of(kept, now=now, today=calendar.day_of(now), rule=calendar.expiry)
    document = {
        "card": card,
        "balance": standing.balance,
        "available": standing.available,
        "held": standing.held,
        "holds": [_shown(hold, own=hold.partner == call.partner) for hold in standing.holds],
        "expiries": [
            {"on": (expires_on - timedelta(days=1)).isoformat(), "points": points}
            for expires_on, points in standing.expiries
        ],
    }
    return Answer(200, json.dumps(document).encode())


def asked_card(request: web.Request) -> str:
    """Return the card that the path names, as `normalised`; raises RequestRefusedError where it can be none."""
    asked = request.match_info["card"]
    if not re.fullmatch(CARD_PATTERN, asked):
        fault = FieldFault("card", "card_malformed", "3 to 40 digits, letters, spaces or dashes", shortened(asked))
        raise RequestRefusedError(status=422, code="card_malformed", detail="That is no card number.", faults=(fault,))
    return normalised(asked)


def _shown(hold: OpenHold, *, own: bool) -> dict[str, object]:
    shown: dict[str, object] = {"points": hold.points, "expires_at": timestamp(hold.expires_at)}
    return shown | {"operation_id": hold.operation_id} if own else shown


async def get_operation(request: web.Request, call: PartnerCall) -> Answer:
    """Answer an own operation's result, byte for byte as it was given; 404 says that it was never booked."""
    operation_id = request.match_info["operation_id"]
    if not re.fullmatch(OPERATION_ID_PATTERN, operation_id):
        # No operation has such an id, and the database can't even be asked for some of them.
        raise NotFoundError(f"You have no decided operation {shortened(operation_id)}.")
    lanes = range(request.app[CLEARING].registry.programme.lanes)
    async with request.app[POOL].acquire() as connection:
        result = await load_result(connection, lanes, partner=call.partner, operation_id=operation_id)
    if result is None:
        raise NotFoundError(f"You have no decided operation {shortened(operation_id)}.")
    return Answer(200, result.encode())


ROUTES = [
    Route(
        "GET",
        "/v1/cards/{card}",
        "partner",
        get_card,
        "A card's balance, what is available, what expires next.",
        answers=CardAnswer,
    ),
    Route(
        "GET",
        "/v1/operations/{operation_id}",
        "partner",
        get_operation,
        "An own operation's result; 404 if it was never decided.",
        answers=OperationAnswer,
    ),
]
