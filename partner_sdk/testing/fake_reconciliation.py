"""The fake hub's answers to reconciliations: by the rule of the SDK, over what its ledger has booked."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from partner_sdk.books import BookLine, line_type
from partner_sdk.operation import Reverse
from partner_sdk.reconciliation import Difference, HubLine, class_of, day_totals
from partner_sdk.testing.fake_ledger import FakeLedger, Record, moment_text
from partner_sdk.testing.read_message import RequestRefusedError, fault

DAYS_MAX = 31
LINES_MAX = 5_000

_Lines = Mapping[str, HubLine]


def guide(ledger: FakeLedger, zone: ZoneInfo) -> dict[str, Any]:
    """Return the answer of GET /v1/reconciliations."""
    return {"time_zone": zone.key, "window": ledger.window, "days_max": DAYS_MAX, "lines_max": LINES_MAX}


def reconcile(body: bytes, ledger: FakeLedger, zone: ZoneInfo) -> dict[str, Any]:
    """Return the answer of POST /v1/reconciliations. Raises RequestRefusedError; it does not judge every field."""
    try:
        asked = json.loads(body)
        every = {
            operation_id: _hub_line(record, ledger.begins, zone) for operation_id, record in ledger.records.items()
        }
        if asked.get("window") not in (None, *ledger.begins):
            unknown = fault("window", "window_unknown", "a window that was opened", asked["window"])
            raise RequestRefusedError(422, "request_invalid", [unknown])
        compared = _days(asked, every) if "days" in asked else _lines(asked, every)
    except (ValueError, KeyError, TypeError, AttributeError) as bad:
        raise RequestRefusedError(422, "request_invalid", [fault("body", "invalid", "a reconciliation", bad)]) from bad
    return {"time_zone": zone.key} | compared


def _days(asked: Any, every: _Lines) -> dict[str, Any]:
    names_windows = asked.get("names_windows", False)
    first, last = asked.get("from", "0001-01-01"), asked.get("until", "9999-12-31")
    own = {one["day"]: one for one in asked["days"]}
    booked: dict[str, list[BookLine]] = {}
    late: dict[str, int] = {}
    for operation_id, line in _comparable(every, asked.get("window")).items():
        day = line.day.isoformat()
        if first <= day <= last:
            kind = line_type(line.type) or "earn"
            booked.setdefault(day, []).append(BookLine(operation_id, kind, line.points, line.day, line.window))
            late[day] = late.get(day, 0) + line.is_late
    days = []
    for day in sorted(own.keys() | booked.keys()):
        totals = day_totals(booked.get(day, ()), names_windows=names_windows)
        hub = {"count": totals.count, "points": dict(totals.points), "digest": totals.digest}
        mine = own.get(day) or {"count": 0, "points": {}, "digest": day_totals((), names_windows=False).digest}
        agrees = all(mine.get(name) == hub[name] for name in ("count", "digest")) and _points(mine) == _points(hub)
        days.append({"day": day, "agrees": agrees, "late": late.get(day, 0), "hub": hub})
    return {"days": days}


def _points(totals: Mapping[str, Any]) -> dict[str, int]:
    return {name: points for name, points in totals.get("points", {}).items() if points}


def _lines(asked: Any, every: _Lines) -> dict[str, Any]:
    day, after = date.fromisoformat(asked["day"]), asked.get("after", "")
    own = {
        line["id"]: BookLine(line["id"], line["type"], line["points"], day, line.get("window"))
        for line in asked["lines"]
    }
    comparable = _comparable(every, asked.get("window"))
    booked = sorted(one for one, line in comparable.items() if line.day == day and one > after)
    last = max(own) if asked.get("more") else None
    if last is not None:
        booked = [operation_id for operation_id in booked if operation_id <= last]
    following = booked[LINES_MAX - 1] if len(booked) > LINES_MAX else last
    ids = [one for one in sorted({*own, *booked}) if following is None or one <= following]
    differences = [
        one for operation_id in ids if (one := _difference(operation_id, own, every, day, asked.get("window")))
    ]
    return {"differences": [_document(one) for one in differences], "next": following}


def _difference(
    operation_id: str, own: Mapping[str, BookLine], every: _Lines, day: date, window: int | None
) -> Difference | None:
    mine, hub = own.get(operation_id), every.get(operation_id)
    if mine is None:
        return Difference("missing_at_partner", operation_id, None, hub)
    kind = class_of(mine, hub, day=day, window=mine.window if window is None else window)
    return None if kind is None else Difference(kind, operation_id, mine, hub)


def _comparable(every: _Lines, window: int | None) -> dict[str, HubLine]:
    return {
        operation_id: line
        for operation_id, line in every.items()
        if line.code is None and line_type(line.type) and window in (None, line.window)
    }


def _hub_line(record: Record, begins: Mapping[int, datetime], zone: ZoneInfo) -> HubLine:
    result, occurred_at = record.result, record.operation.occurred_at
    return HubLine(
        type="reverse" if isinstance(record.operation, Reverse) else record.operation.type,
        points=record.booking.points if record.booking else getattr(record.operation, "points", None) or 0,
        day=occurred_at.astimezone(zone).date(),
        window=result["window"],
        period=max(window for window, begin in begins.items() if begin <= occurred_at),
        occurred_at=occurred_at,
        booked_at=datetime.fromisoformat(result["booked_at"]),
        lane=result["lane"],
        leaf=result["leaf"],
        code=result.get("code"),
    )


def _document(one: Difference) -> dict[str, Any]:
    own, hub = one.partner, one.hub
    return {
        "difference": one.kind,
        "id": one.id,
        "partner": own and {"type": own.type, "points": own.points, "window": own.window},
        "hub": hub and _hub_document(hub),
    }


def _hub_document(line: HubLine) -> dict[str, Any]:
    return {
        "verdict": "booked" if line.code is None else "refused",
        "code": line.code,
        "type": line.type,
        "points": line.points,
        "window": line.window,
        "period": line.period,
        "late": line.is_late,
        "day": line.day.isoformat(),
        "occurred_at": moment_text(line.occurred_at),
        "booked_at": moment_text(line.booked_at),
        "lane": line.lane,
        "leaf": line.leaf,
    }
