"""GET /v1/events: what happened to a partner's operations, for those whom the hub can not call."""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence

from aiohttp import web

from coalition.errors import FieldFault, RequestRefusedError
from coalition.http.answers import EventsAnswer
from coalition.http.problems import shortened
from coalition.http.routes import POOL, Answer, PartnerCall, Route
from coalition.operations.read_events import event_json, read_events

LIMIT_DEFAULT = 100
LIMIT_MAX = 1_000

# The cursor: this byte, then each lane's position in groups of 7 bits, the lowest first, the 8th set but on the last
# (LEB128); as base64url. It is not signed: whatever it says, a partner reads nothing but its own events.
CURSOR_VERSION = b"\x01"
POSITION_BYTES_MAX = 9


async def get_events(request: web.Request, call: PartnerCall) -> Answer:
    """Answer the caller's events after a cursor, and the cursor after them."""
    limit = _limit(request.query.get("limit", str(LIMIT_DEFAULT)))
    after = request.query.get("after")
    start = None if after is None else _positions(after)
    try:
        page = await read_events(request.app[POOL], call.partner, start, count_max=limit)
    except ValueError as error:
        raise _refused_cursor(after or "", f"a cursor of this hub: {error}") from error
    events = ",".join(event_json(event) for event in page.events)
    more = "true" if page.has_more else "false"
    return Answer(200, f'{{"events":[{events}],"cursor":"{cursor_of(page.positions)}","more":{more}}}'.encode())


def cursor_of(positions: Sequence[int]) -> str:
    """Return the cursor that stands for these positions."""
    return urlsafe_b64encode(CURSOR_VERSION + b"".join(map(_packed, positions))).rstrip(b"=").decode()


def positions_of(cursor: str) -> tuple[int, ...]:
    """Return what a cursor stands for; raises ValueError for any text that `cursor_of` does not make."""
    packed = b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    positions, position, shift = [], 0, 0
    for byte in packed[1:]:
        position |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            positions.append(position)
            position = shift = 0
        elif shift >= 7 * POSITION_BYTES_MAX:
            raise ValueError("a position is too large")
    # One spelling for each place: longer ones, cut ones and other versions come out differently.
    if cursor_of(positions) != cursor:
        raise ValueError("not a cursor")
    return tuple(positions)


def _packed(position: int) -> bytes:
    groups = bytearray()
    while position >= 0x80:
        groups.append(position & 0x7F | 0x80)
        position >>= 7
    groups.append(position)
    return bytes(groups)


def _positions(cursor: str) -> tuple[int, ...]:
    try:
        return positions_of(cursor)
    except ValueError as error:
        raise _refused_cursor(cursor, "the cursor of an earlier answer, as it is") from error


def _limit(text: str) -> int:
    # Digits of ASCII only, and few: int() takes much more, slowly.
    if text.isascii() and text.isdigit() and len(text) <= len(str(LIMIT_MAX)) and 1 <= int(text) <= LIMIT_MAX:
        return int(text)
    raise _refused(FieldFault("limit", "number_out_of_range", f"a whole number from 1 to {LIMIT_MAX}", shortened(text)))


def _refused_cursor(cursor: str, expected: str) -> RequestRefusedError:
    return _refused(FieldFault("after", "cursor_invalid", expected, shortened(cursor)))


def _refused(fault: FieldFault) -> RequestRefusedError:
    detail = f"{fault.field}: expected {fault.expected}."
    return RequestRefusedError(status=422, code=fault.code, detail=detail, faults=(fault,))


ROUTES = [
    Route(
        "GET",
        "/v1/events",
        "partner",
        get_events,
        "What happened to your operations, in each lane's order; each event once, none left out.",
        answers=EventsAnswer,
        parameters={
            "after": "The cursor of the answer before; without it, from the beginning.",
            "limit": f"So many events at most, 1 to {LIMIT_MAX}; without it {LIMIT_DEFAULT}.",
        },
    )
]
