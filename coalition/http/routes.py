"""What a route is: its address, who may call it, what it answers; OpenAPI is made from the same list."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web
from pydantic import BaseModel

from coalition.database.pool import Pool
from coalition.lanes.clearing import Clearing
from coalition.ledger.participant import Participant
from coalition.signatures.verify import VerifiedRequest

POOL: web.AppKey[Pool] = web.AppKey("pool", Pool)
CLEARING: web.AppKey[Clearing] = web.AppKey("clearing", Clearing)

BODY_BYTES_MAX = 1_048_576


@dataclass(frozen=True, slots=True)
class PartnerCall:
    """A verified request of a partner; `body` is what was signed."""

    participant: Participant
    keyid: str
    verified: VerifiedRequest
    body: bytes
    request_id: str

    @property
    def partner(self) -> int:
        return self.participant.partner

    @property
    def partner_name(self) -> str:
        return self.participant.name


@dataclass(frozen=True, slots=True)
class Answer:
    """What a partner gets; the hub signs it."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


PartnerHandler = Callable[[web.Request, PartnerCall], Awaitable[Answer]]
OpenHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One address, equal to itself alone. `takes` and `answers` are the types of the bodies, `content_type` that of the
    answer, `status` what it has when all is well; `parameters` are the names of the query with their meaning,
    `other_statuses` what answers of the same type say, `problems` what statuses of problems mean that other calls don't
    have; `takes_from_left`: a partner that has left may call it still."""

    method: Literal["GET", "POST"]
    path: str
    access: Literal["partner", "open"]
    handler: PartnerHandler | OpenHandler
    summary: str
    answers: type[BaseModel] | None = None
    takes: type[BaseModel] | None = None
    content_type: str = "application/json"
    status: int = 200
    parameters: Mapping[str, str] = field(default_factory=dict)
    other_statuses: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    takes_from_left: bool = False
