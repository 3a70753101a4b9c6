"""The text of results: what a partner is answered, and what the journal's leaves are hashed from.

Built by hand: every part is a whole number, a word of our own, or an id that admission has checked.
"""

from collections.abc import Iterable
from datetime import datetime

from coalition.journal.record import timestamp
from coalition.ledger.account import Account
from coalition.ledger.batch import KnownOperation
from coalition.ledger.decision import Booking, Refusal

OWN_VERDICTS = {"time_out": "timed_out", "expire": "expired", "move_out": "moved_out", "move_in": "moved_in"}


class ResultWriter:
    """Writes the results of one batch: all of them name its lane, window and time."""

    def __init__(self, *, lane: int, window_no: int, booked_at: datetime) -> None:
        self._lane = f'"lane":{lane},"leaf":'
        self._window = f',"window":{window_no},"booked_at":"{timestamp(booked_at)}"}}'

    def booked(self, operation_id: str, booking: Booking, account: Account, leaf: int) -> str:
        detail = _detail(booking.detail) if booking.detail else ""
        return (
            f'{{"id":"{operation_id}","verdict":"booked","points":{booking.points},"balance":{account.balance},'
            f'"available":{account.available},{detail}{self._lane}{leaf}{self._window}'
        )

    def refused(self, operation_id: str, refusal: Refusal, account: Account, leaf: int) -> str:
        return (
            f'{{"id":"{operation_id}","verdict":"refused","code":"{refusal.code}","available":{account.available},'
            f"{_detail(refusal.detail)}{self._lane}{leaf}{self._window}"
        )

    def own(self, kind: str, points: int, account: Account, leaf: int) -> str:
        """Return the result of a record of the hub's own."""
        return (
            f'{{"verdict":"{OWN_VERDICTS[kind]}","points":{points},"balance":{account.balance},'
            f'"available":{account.available},{self._lane}{leaf}{self._window}'
        )


def retryable_result(operation_id: str, refusal: Refusal) -> str:
    """Return a refusal that is not journalled, since what it lacks may still come."""
    return f'{{"id":"{operation_id}","verdict":"refused","code":"{refusal.code}","retryable":true}}'


def reused_result(operation_id: str, first: KnownOperation) -> str:
    """Return the refusal of an id that came with other content before; it names the first one's place.

    It is not journalled: the id's place in the journal is taken by the first, which stays."""
    return (
        f'{{"id":"{operation_id}","verdict":"refused","code":"operation_id_reused",'
        f'"lane":{first.lane},"leaf":{first.leaf}}}'
    )


def unknown_card_result(operation_id: str) -> str:
    """Return the refusal of a card that leads to no account; without an account there is no lane to journal it in."""
    return retryable_result(operation_id, Refusal("unknown_card", "earn"))


def closed_result(*, lane: int, window_no: int, leaf: int, booked_at: datetime) -> str:
    """Return the result of the record that ends a window in a lane."""
    return (
        f'{{"verdict":"closed","lane":{lane},"leaf":{leaf},"window":{window_no},"booked_at":"{timestamp(booked_at)}"}}'
    )


def _detail(detail: Iterable[tuple[str, int | str]]) -> str:
    """Return members of a result; texts are words of our own and need no escaping."""
    return "".join(f'"{name}":"{value}",' if isinstance(value, str) else f'"{name}":{value},' for name, value in detail)
