"""Records of an account's history in the visitor's words: what happened, and why it was refused."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from coalition.pages.visit import Visit
from coalition.stores.history import HistoryEntry

TAKING_KINDS = ("burn", "reserve")
# The hub's own records of points, each of the partner that paid for them.
OF_A_PAYER = ("expire", "move_out", "move_in")
RESOLVING_KINDS = ("capture", "release", "time_out")


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """A record of the history in the visitor's words. `advice`: what to do about a refusal, if anything."""

    record: HistoryEntry
    title: str
    details: list[str]
    advice: str | None = None


def show_entry(visit: Visit, record: HistoryEntry) -> ShownEntry:
    title = visit.word(f"kind.{record.kind}", partner=record.partner)
    told = _booked(visit, record) if record.code is None else _refused(visit, record)
    return ShownEntry(record, title, [*told, *_receipt(visit, record)], _advice(visit, record))


def by_month(visit: Visit, records: Iterable[HistoryEntry]) -> list[tuple[str, list[ShownEntry]]]:
    """Return runs of records of the same month, in their order: what was booked late stays where it was booked."""
    months: list[tuple[str, list[ShownEntry]]] = []
    for record in records:
        month = visit.formats.month(record.occurred_at)
        if not months or months[-1][0] != month:
            months.append((month, []))
        months[-1][1].append(show_entry(visit, record))
    return months


def _booked(visit: Visit, record: HistoryEntry) -> list[str]:
    """Say what the title does not."""
    answer, formats = record.answer, visit.formats
    if record.kind == "reserve":
        until = formats.minute(datetime.fromisoformat(answer["expires_at"]))
        return [visit.counted("history.held", record.points, until=until)]
    if record.kind == "release":
        return [visit.counted("history.freed", record.points)]
    if record.kind == "time_out":
        return [visit.word("history.timed_out"), visit.counted("history.freed", record.points)]
    if record.kind in OF_A_PAYER:
        return [visit.word("history.from", partner=record.partner)]
    if answer.get("grace_points"):
        until = formats.day(date.fromisoformat(answer["grace_until"]))
        return [visit.counted("history.grace", answer["grace_points"], day=until)]
    return []


def _refused(visit: Visit, record: HistoryEntry) -> list[str]:
    """Say why it was refused, and for points that were to be taken how many could have been."""
    answer = record.answer
    told = [visit.counted("history.asked", record.points)] if record.points else []
    reason = _reason(visit, record)
    told.append(visit.word(reason))
    if visit.has_word(f"{reason}.limit.other") and "limit" in answer:
        told.append(visit.counted(f"{reason}.limit", answer["limit"]))
    if "until" in answer:
        told.append(visit.word("refused.until", moment=visit.formats.minute(datetime.fromisoformat(answer["until"]))))
    if record.kind in TAKING_KINDS and answer.get("available") is not None:
        # A debt may leave less than nothing; nobody can spend less than nothing.
        told.append(visit.counted("refused.available", max(answer["available"], 0)))
    if answer.get("left") is not None:
        told.append(visit.counted("refused.left", answer["left"]))
    return told


def _receipt(visit: Visit, record: HistoryEntry) -> list[str]:
    """Say which purchase it was."""
    told = []
    if record.original_at is not None:
        key = "history.set_aside" if record.kind in RESOLVING_KINDS else "history.of"
        told.append(visit.word(key, day=visit.formats.day(record.original_at)))
    if record.shop is not None:
        told.append(visit.word("history.shop", shop=record.shop))
    if record.reference is not None:
        told.append(visit.word("history.reference", reference=record.reference))
    return told


def _advice(visit: Visit, record: HistoryEntry) -> str | None:
    key = f"{_reason(visit, record)}.next"
    return visit.word(key) if record.code is not None and visit.has_word(key) else None


def _reason(visit: Visit, record: HistoryEntry) -> str:
    reason = f"refused.{record.code}"
    return reason if visit.has_word(reason) else "refused.other"
