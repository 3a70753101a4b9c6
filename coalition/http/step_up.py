"""POST /v1/cards/{card}/step-up: have a code sent to the member, with which he agrees to a large burn."""

import json
from collections.abc import Callable
from typing import NamedTuple

from aiohttp import web

from coalition.errors import RequestRefusedError
from coalition.http.answers import StepUpAnswer
from coalition.http.bodies import read_json, refuse_other_content
from coalition.http.reads import asked_card
from coalition.http.routes import CLEARING, POOL, Answer, PartnerCall, Route
from coalition.journal.record import timestamp
from coalition.ledger.operation import Points, Text, WireModel
from coalition.operations.ask_step_up import IssuedStepUp, ask_step_up, masked


class StepUpRequest(WireModel):
    """A burn or reserve of at most `points`; `shop` is named to the member."""

    points: Points
    shop: Text | None = None


class Occasion(NamedTuple):
    """Who asks the member to agree."""

    partner: str
    shop: str | None


CodeSender = Callable[[IssuedStepUp, Occasion], None]
# Set by what is mounted on the hub and can reach members; without it no code is made.
CODE_SENDER: web.AppKey[CodeSender] = web.AppKey("step_up_sender", CodeSender)  # type: ignore[arg-type]


async def post_step_up(request: web.Request, call: PartnerCall) -> Answer:
    """Send a code to the card's member; answer where it went, in part, and until when it is valid."""
    refuse_other_content(request)
    card = asked_card(request)
    asked = read_json(StepUpRequest, call.body)
    send = request.app.get(CODE_SENDER)
    if send is None:
        detail = "This hub can send no codes, because mail is not set up; tell its operator."
        # Not 503: it does not pass by itself, so repeating it helps nobody.
        raise RequestRefusedError(status=409, code="mail_missing", detail=detail)
    clearing = request.app[CLEARING]
    issued = await ask_step_up(
        request.app[POOL],
        card,
        partner=call.partner,
        points=asked.points,
        above=clearing.registry.programme.limits.step_up_above,
        now=clearing.clock(),
    )
    send(issued, Occasion(call.partner_name, asked.shop))
    document = {"sent_to": masked(issued.email), "expires_at": timestamp(issued.expires_at)}
    return Answer(202, json.dumps(document).encode())


ROUTES = [
    Route(
        "POST",
        "/v1/cards/{card}/step-up",
        "partner",
        post_step_up,
        "Have a code sent to the member, for one burn or reserve of at most so many points.",
        takes=StepUpRequest,
        answers=StepUpAnswer,
        status=202,
        problems={"409": "Mail is not set up on this hub (mail_missing); repeating it does not help."},
    )
]
