"""Limits: which operation is refused by which, what it says, and what counts up to it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from coalition.ledger.account import Account
from coalition.ledger.decision import Booking, Refusal
from coalition.ledger.limits import (
    NO_LIMITS,
    STEP_UP_ATTEMPTS_MAX,
    AccountUsage,
    CardUsage,
    LimitRules,
    Limits,
    StepUpCode,
    Usage,
    step_up_digest,
)
from coalition.ledger.operation import AnyOperation, Capture, Release, Reserve
from tests.pure.ledger.ledger_examples import NOON, burn, earn, make_account, make_lot, make_original, reverse

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2026, 11, 21)
CARD = "2760000000018"
DAY_ENDS = "2026-11-21T23:00:00.000000Z"


def make_limits(
    *,
    burned: int = 0,
    earns: int = 0,
    moments: list[datetime] | None = None,
    code: StepUpCode | None = None,
    day: date = TODAY,
    now: datetime = NOON,
    **rules: int,
) -> Limits:
    usage = Usage(
        {7: AccountUsage(day, burned)}, {CARD: CardUsage(day, earns, moments or [])}, {} if code is None else {7: code}
    )
    return Limits(LimitRules(**rules), usage, now=now, zone=BERLIN)


def make_code(code: str = "123456", **changes: Any) -> StepUpCode:
    values: dict[str, Any] = {"points": 500, "partner": 1, "expires_at": NOON + timedelta(minutes=10), **changes}
    return StepUpCode(salt=b"salt", digest=step_up_digest(code, salt=b"salt"), **values)


def reserve(points: int = 100, **fields: Any) -> Reserve:
    wire = {"id": "reserve-1", "type": "reserve", "card": CARD, "occurred_at": NOON, "points": points, **fields}
    return Reserve.model_validate(wire)


def refusal_of(
    limits: Limits, operation: AnyOperation, *, account: Account | None = None, partner: int = 1
) -> tuple[str, dict[str, int | str]] | None:
    refusal = limits.refusal_of(account or make_account(make_lot(1, 10_000)), operation, partner=partner)
    return None if refusal is None else (refusal.code, dict(refusal.detail))


def book(limits: Limits, operation: Any, points: int, *, kind: Any = None, original: Any = None) -> None:
    booking = Booking(kind or operation.type, points, 1, ())
    limits.count(7, operation, booking, leaf=90, original=original)


@pytest.mark.parametrize("name", [name for name in LimitRules.__dataclass_fields__ if name != "velocity_window_s"])
def test_one_limit_alone_turns_the_limits_on(name: str) -> None:
    assert not NO_LIMITS.are_on
    assert LimitRules(**{name: 1}).are_on


@pytest.mark.parametrize("spend", [burn, reserve])
def test_a_burn_below_the_minimum_is_refused(spend: Any) -> None:
    limits = make_limits(burn_points_min=200)
    assert refusal_of(limits, spend(199)) == ("burn_below_minimum", {"limit": 200})
    assert refusal_of(limits, spend(200)) is None
    assert refusal_of(limits, earn(1)) is None


@pytest.mark.parametrize("spend", [burn, reserve])
def test_the_day_limit_counts_what_was_burned_and_what_is_held(spend: Any) -> None:
    account = make_account(make_lot(1, 10_000), held=100)
    limits = make_limits(burn_points_per_day_max=500, burned=150)
    assert refusal_of(limits, spend(250), account=account) is None
    refused = ("burn_day_limit", {"limit": 500, "used": 250, "until": DAY_ENDS})
    assert refusal_of(limits, spend(251), account=account) == refused


def test_what_was_used_on_another_day_counts_as_nothing() -> None:
    limits = make_limits(
        burn_points_per_day_max=500, burned=500, earns_per_card_per_day_max=1, earns=1, day=TODAY - timedelta(days=1)
    )
    assert refusal_of(limits, burn(500)) is None
    assert refusal_of(limits, earn()) is None


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (datetime(2026, 11, 21, 22, 59, 59, tzinfo=UTC), "2026-11-21T23:00:00.000000Z"),
        (datetime(2026, 11, 21, 23, 0, 0, tzinfo=UTC), "2026-11-22T23:00:00.000000Z"),
        # The clocks go forward on 29 March and back on 25 October: days of 23 and of 25 hours.
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), "2026-03-29T22:00:00.000000Z"),
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), "2026-10-25T23:00:00.000000Z"),
    ],
)
def test_the_day_ends_at_midnight_in_the_programmes_time_zone(now: datetime, until: str) -> None:
    limits = make_limits(burn_points_per_day_max=1, now=now)
    assert refusal_of(limits, burn(2)) == ("burn_day_limit", {"limit": 1, "used": 0, "until": until})


def test_burns_and_captures_count_and_reserves_do_not_until_they_are_captured() -> None:
    limits = make_limits(burn_points_per_day_max=500)
    capture = Capture(id="c", type="capture", card=CARD, occurred_at=NOON, reserve_id="r")
    book(limits, burn(100), 100)
    book(limits, reserve(200), 200)
    book(limits, capture, 150)
    assert limits.usage.accounts[7].burned == 250


def test_a_reversal_gives_back_what_was_burned_today_and_never_more_than_was_counted() -> None:
    limits = make_limits(burn_points_per_day_max=500, burned=300)
    today = make_original("burn", booked_at=NOON - timedelta(hours=1))
    yesterday = make_original("burn", booked_at=NOON - timedelta(days=1))
    same_batch = make_original("capture")
    for original, left in [(yesterday, 300), (today, 200), (same_batch, 100), (today, 0), (today, 0)]:
        book(limits, reverse(), 100, kind="reverse_burn", original=original)
        assert limits.usage.accounts[7].burned == left
    book(limits, reverse(), 100, kind="reverse_earn", original=today)
    assert limits.usage.accounts[7].burned == 0


def test_earns_of_a_card_end_for_the_day_and_those_of_another_card_do_not() -> None:
    limits = make_limits(earns_per_card_per_day_max=2, earns=1)
    assert refusal_of(limits, earn()) is None
    book(limits, earn(), 100)
    assert refusal_of(limits, earn()) == ("earn_day_limit", {"limit": 2, "used": 2, "until": DAY_ENDS})
    assert refusal_of(limits, earn(card="2760000000026")) is None
    assert refusal_of(limits, burn()) is None


def test_operations_of_a_card_within_the_window_are_too_fast() -> None:
    """The window slides: it is free again once the oldest of the last `limit` operations has left it."""
    moments = [NOON - timedelta(seconds=seconds) for seconds in (61, 60, 59, 1)]
    limits = make_limits(operations_per_card_max=3, velocity_window_s=60, moments=moments)
    assert refusal_of(limits, earn()) is None
    book(limits, earn(), 100)
    refused = ("too_fast", {"limit": 3, "until": "2026-11-21T12:00:01.000000Z"})
    for operation in (earn(), burn(), reserve()):
        assert refusal_of(limits, operation) == refused
    assert len(limits.usage.cards[CARD].moments) == 3


def test_a_lowered_limit_lets_more_operations_leave_the_window_first() -> None:
    moments = [NOON - timedelta(seconds=seconds) for seconds in (40, 30, 20, 10)]
    limits = make_limits(operations_per_card_max=2, velocity_window_s=60, moments=moments)
    assert refusal_of(limits, earn()) == ("too_fast", {"limit": 2, "until": "2026-11-21T12:00:40.000000Z"})


@pytest.mark.parametrize(
    "finishing",
    [
        Capture(id="c", type="capture", card=CARD, occurred_at=NOON, reserve_id="r"),
        Release(id="c", type="release", card=CARD, occurred_at=NOON, reserve_id="r"),
        reverse(),
    ],
)
def test_what_was_begun_may_be_finished_and_undone(finishing: AnyOperation) -> None:
    limits = make_limits(
        burned=1,
        moments=[NOON],
        burn_points_min=9,
        burn_points_per_day_max=9,
        step_up_above=0,
        operations_per_card_max=1,
    )
    assert refusal_of(limits, finishing) is None


@pytest.mark.parametrize("spend", [burn, reserve])
def test_a_large_burn_needs_the_code_and_uses_it_up(spend: Any) -> None:
    limits = make_limits(step_up_above=100, code=make_code())
    assert refusal_of(limits, spend(100)) is None
    assert refusal_of(limits, spend(101)) == ("step_up_needed", {"limit": 100})
    right = spend(101, step_up_code="123456")
    assert refusal_of(limits, right) is None
    book(limits, right, 101)
    assert limits.usage.codes[7].used_leaf == 90
    assert refusal_of(limits, right) == ("step_up_wrong", {"attempts_left": 0})


def test_a_small_burn_leaves_the_code_alone() -> None:
    limits = make_limits(step_up_above=100, code=make_code())
    book(limits, burn(100, step_up_code="123456"), 100)
    assert not limits.usage.codes[7].is_changed


def test_a_code_bears_five_tries() -> None:
    limits = make_limits(step_up_above=100, code=make_code())
    wrong, right = burn(200, step_up_code="654321"), burn(200, step_up_code="123456")
    left = [refusal_of(limits, wrong) for _ in range(STEP_UP_ATTEMPTS_MAX)]
    assert left == [("step_up_wrong", {"attempts_left": number}) for number in (4, 3, 2, 1, 0)]
    assert refusal_of(limits, right) == ("step_up_wrong", {"attempts_left": 0})


@pytest.mark.parametrize(
    "code",
    [
        None,
        make_code(expires_at=NOON),
        make_code(partner=2),
        make_code(points=199),
        make_code(used_leaf=3),
    ],
)
def test_a_code_of_another_partner_sum_or_time_opens_nothing_and_loses_no_try(code: StepUpCode | None) -> None:
    limits = make_limits(step_up_above=100, code=code)
    refused = refusal_of(limits, burn(200, step_up_code="123456"))
    assert refused == ("step_up_wrong", {"attempts_left": 0})
    assert code is None or not code.is_changed


def test_a_code_that_names_no_partner_holds_at_any() -> None:
    limits = make_limits(step_up_above=100, code=make_code(partner=None))
    assert refusal_of(limits, burn(200, step_up_code="123456"), partner=9) is None


def test_nobody_is_asked_for_a_code_for_points_that_are_not_there() -> None:
    limits = make_limits(step_up_above=100)
    assert refusal_of(limits, burn(200), account=make_account(make_lot(1, 199))) is None


def test_a_code_is_not_printed_with_its_operation() -> None:
    assert "123456" not in repr(burn(200, step_up_code="123456"))


def test_a_refusal_names_kind_and_points_asked_for() -> None:
    """They stand in the journal beside it."""
    refusal = make_limits(burn_points_min=200).refusal_of(Account(7), reserve(199), partner=1)
    assert isinstance(refusal, Refusal)
    assert (refusal.kind, refusal.points, refusal.is_retryable) == ("reserve", 199, False)
