"""What a message must satisfy beyond its schema before any of it is booked; every fault is named, not the first."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from coalition.errors import FieldFault
from coalition.ledger.lot import parse_rate
from coalition.ledger.operation import AHEAD_MINUTES_MAX, PAST_DAYS_MAX, AnyOperation, Earn


def message_faults(operations: Sequence[AnyOperation], *, now: datetime, currency: str) -> tuple[FieldFault, ...]:
    """Return what is wrong with a message's operations: ids used twice, dates far off, a foreign currency, VAT shares
    that don't sum to the points, a certificate without its counter."""
    earliest, latest = now - timedelta(days=PAST_DAYS_MAX), now + timedelta(minutes=AHEAD_MINUTES_MAX)
    faults: list[FieldFault] = []
    first_index: dict[str, int] = {}
    for index, operation in enumerate(operations):
        place = f"operations.{index}"
        if (first := first_index.setdefault(operation.id, index)) != index:
            expected = f"an id of its own; operations.{first} has the same"
            faults.append(FieldFault(f"{place}.id", "operation_id_twice", expected, operation.id))
        if not earliest <= operation.occurred_at <= latest:
            faults.append(_date_fault(f"{place}.occurred_at", operation.occurred_at, now=now))
        purchase = operation.purchase if operation.type == "earn" or operation.type == "burn" else None
        if purchase is not None and purchase.currency != currency:
            faults.append(FieldFault(f"{place}.purchase.currency", "foreign_currency", currency, purchase.currency))
        if operation.type == "earn" and operation.vat is not None:
            faults.extend(_vat_faults(place, operation))
        if operation.type == "burn" and (operation.certificate is None) != (operation.counter is None):
            missing = "counter" if operation.counter is None else "certificate"
            expected = "certificate and counter, or neither"
            faults.append(FieldFault(f"{place}.{missing}", f"{missing}_missing", expected, "nothing"))
    return tuple(faults)


def _date_fault(field: str, occurred_at: datetime, *, now: datetime) -> FieldFault:
    expected = (
        f"at most {PAST_DAYS_MAX} days before and {AHEAD_MINUTES_MAX} minutes after the hub's clock, "
        f"{now.isoformat(timespec='seconds')}"
    )
    return FieldFault(field, "occurred_at_far_off", expected, occurred_at.isoformat())


def _vat_faults(place: str, earn: Earn) -> list[FieldFault]:
    if earn.vat is None or earn.points is None:
        expected = "points beside vat, since the shares must sum to them"
        return [FieldFault(f"{place}.points", "points_missing", expected, "nothing")]
    rates = [parse_rate(share.rate) for share in earn.vat]
    if len(set(rates)) < len(rates):
        stated = ", ".join(share.rate for share in earn.vat)
        return [FieldFault(f"{place}.vat", "vat_rate_twice", "each rate once", stated)]
    shared = sum(share.points for share in earn.vat)
    if shared == earn.points:
        return []
    return [FieldFault(f"{place}.vat", "vat_sum_wrong", f"shares that sum to {earn.points} points", f"{shared} points")]
