"""How many points a return takes back, so that the returns of one sale add up exactly."""

from decimal import Decimal


def returned_points(points: int, *, amount: Decimal, returned_before: Decimal, returned_now: Decimal) -> int:
    """Return the points to reverse when goods of a sale come back. `points` and `amount` are those of the whole sale,
    `returned_before` and `returned_now` the value of goods.

    It is the difference of the rounded running totals (half up): the returns of a whole sale in any pieces undo exactly
    its points, never one more or less. It may be 0: then there is nothing to reverse yet.
    """

    def due(returned: Decimal) -> int:
        return int((returned * points * 2 + amount) // (amount * 2))

    return due(returned_before + returned_now) - due(returned_before)
