"""The rules: each takes an account, an operation and what it refers to, and returns what to book, or why not.

Rules change the account that they are given (the batch's working copy) only when they return a booking.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from coalition.journal.record import timestamp
from coalition.ledger.account import Account
from coalition.ledger.expiry import Grace
from coalition.ledger.hold import Hold
from coalition.ledger.lot import Lot, LotUse, parse_rate, rate_text
from coalition.ledger.operation import POINTS_MAX, Burn, Capture, Earn, Release, Reserve, Reverse, earned_points
from coalition.ledger.participant import Participant, ReturnLoss, TermsVersion
from coalition.ledger.split import parts_between

Kind = Literal["earn", "burn", "reverse_earn", "reverse_burn", "reserve", "capture", "release"]
TotalKind = Literal["issued", "issue_reversed", "redeemed", "redeem_reversed", "expired", "moved_out", "moved_in"]

# What a statement counts; reserves and releases move no points.
TOTAL_KINDS: dict[Kind, TotalKind] = {
    "earn": "issued",
    "reverse_earn": "issue_reversed",
    "burn": "redeemed",
    "capture": "redeemed",
    "reverse_burn": "redeem_reversed",
}

NO_RATE = ""

# One line of a joint promotion's bill: payer, the version of the payer's terms, VAT rate.
PayerShare = tuple[int, int, str]


@dataclass(slots=True)
class Booking:
    """What is booked. `shares` are the points by VAT rate as the earn stated them; they sum to `points`, and are empty
    where no points move. `hold` was made or resolved; `detail` goes into the result, as in a refusal. Where a
    `promotion` pays, `payer_shares` are the same points, in the same order, by who is billed for them."""

    kind: Kind
    points: int
    terms_version: int | None
    shares: tuple[tuple[str, int], ...]
    new_lots: list[Lot] | tuple[()] = ()
    uses: list[LotUse] | tuple[()] = ()
    original_leaf: int | None = None
    hold: Hold | None = None
    detail: tuple[tuple[str, int | str], ...] = ()
    payer_shares: tuple[tuple[PayerShare, int], ...] = ()
    promotion: int | None = None


@dataclass(slots=True)
class Refusal:
    """Why it is not booked. A retryable one is not journalled, since what it lacks may still come.
    `detail` goes into the result: names, whole numbers and words of our own that need no escaping."""

    code: str
    kind: Kind
    points: int = 0
    is_retryable: bool = False
    original_leaf: int | None = None
    detail: tuple[tuple[str, int | str], ...] = ()


@dataclass(slots=True)
class Original:
    """A booked or refused operation that a reversal names. `shares` and `payer_shares` as booked, `uses` of a burn;
    `booked_at` None: in the batch that reverses it."""

    leaf: int
    kind: str
    code: str | None
    account: int
    points: int
    reversed_points: int
    terms_version: int
    shares: tuple[tuple[str, int], ...]
    uses: list[LotUse]
    booked_at: datetime | None = None
    payer_shares: tuple[tuple[PayerShare, int], ...] = ()
    promotion: int | None = None


@dataclass(frozen=True, slots=True)
class Sale:
    """The day of the sale in the programme's time zone, and when its points expire."""

    month: date
    expires_on: date | None


def decide_earn(account: Account, earn: Earn, *, partner: Participant, sale: Sale, leaf: int) -> Booking | Refusal:
    """Book points that come in with a purchase, one lot for each VAT rate that the earn states."""
    earned = points_of_earn(earn, partner)
    if isinstance(earned, Refusal):
        return earned
    points, terms = earned
    partner_id, month, expires_on = partner.partner, sale.month, sale.expires_on
    shares: tuple[tuple[str, int], ...]
    if earn.vat is None:
        lots = [Lot(leaf, 0, partner_id, partner_id, month, None, expires_on, points, points)]
        shares = ((NO_RATE, points),)
    else:
        stated = [(parse_rate(share.rate), share.points) for share in earn.vat]
        lots = [
            Lot(leaf, part, partner_id, partner_id, month, rate, expires_on, share, share)
            for part, (rate, share) in enumerate(stated)
        ]
        shares = tuple((rate_text(rate), share) for rate, share in stated)
    repaid = account.add(lots)
    account.expire_from(expires_on)
    return Booking("earn", points, terms.version, shares, new_lots=lots, uses=uses_of(repaid, leaf=leaf))


def points_of_earn(earn: Earn, partner: Participant) -> tuple[int, TermsVersion] | Refusal:
    """Return how many points a purchase earns and by which of the partner's terms, or why none."""
    terms = partner.terms_at(earn.occurred_at)
    if terms is None:
        return Refusal("no_terms", "earn", earn.points or 0)
    if not partner.may_earn:
        return Refusal("earn_not_allowed", "earn", earn.points or 0)
    points = earn.points
    if points is None:
        if earn.purchase is None or terms.earn_rate is None:
            return Refusal("points_missing", "earn")
        points = earned_points(amount=Decimal(earn.purchase.amount), earn_rate=terms.earn_rate)
        if points == 0:
            return Refusal("no_points_earned", "earn")
        if points > POINTS_MAX:
            return Refusal("points_over_limit", "earn")
    return points, terms


def decide_burn(account: Account, burn: Burn, *, partner: Participant, leaf: int) -> Booking | Refusal:
    """Book points that are spent, the oldest expiry first; never more than is available."""
    terms = partner.terms_at(burn.occurred_at)
    if terms is None:
        return Refusal("no_terms", "burn", burn.points)
    if not partner.may_burn:
        return Refusal("burn_not_allowed", "burn", burn.points)
    if burn.points > account.available:
        return Refusal("insufficient_points", "burn", burn.points)
    uses = uses_of(account.take(burn.points), leaf=leaf)
    return Booking("burn", burn.points, terms.version, ((NO_RATE, burn.points),), uses=uses)


def decide_reserve(
    account: Account, reserve: Reserve, *, partner: Participant, leaf: int, now: datetime
) -> Booking | Refusal:
    """Set points aside; never more than is available."""
    terms = partner.terms_at(reserve.occurred_at)
    if terms is None:
        return Refusal("no_terms", "reserve", reserve.points)
    if not partner.may_burn:
        return Refusal("burn_not_allowed", "reserve", reserve.points)
    if reserve.points > account.available:
        return Refusal("insufficient_points", "reserve", reserve.points)
    expires_at = now + timedelta(seconds=reserve.timeout_s)
    hold = Hold(leaf, account.account, partner.partner, reserve.points, expires_at, is_changed=True)
    account.reserve(hold)
    return Booking("reserve", reserve.points, None, (), hold=hold, detail=(("expires_at", timestamp(expires_at)),))


@dataclass(slots=True)
class NamedHold:
    """What a capture or release names: the hold, or why there is none (`code`)."""

    hold: Hold | None = None
    leaf: int | None = None
    code: str | None = None


def decide_capture(
    account: Account, capture: Capture, named: NamedHold, *, partner: Participant, leaf: int
) -> Booking | Refusal:
    """Spend a hold's points, whole or in part; what is not captured is free again."""
    asked = capture.points or 0
    hold = open_hold(account, named, kind="capture", asked=asked)
    if isinstance(hold, Refusal):
        return hold
    points = hold.points if capture.points is None else capture.points
    if points > hold.points:
        detail = (("left", hold.points),)
        return Refusal("more_than_left", "capture", asked, original_leaf=hold.leaf, detail=detail)
    terms = partner.terms_at(capture.occurred_at)
    if terms is None:
        return Refusal("no_terms", "capture", asked, original_leaf=hold.leaf)
    uses = uses_of(account.take(points), leaf=leaf)
    account.free_hold(hold)
    hold.resolve("captured", leaf=leaf, captured=points)
    shares = ((NO_RATE, points),)
    return Booking("capture", points, terms.version, shares, uses=uses, original_leaf=hold.leaf, hold=hold)


def decide_release(account: Account, release: Release, named: NamedHold, *, leaf: int) -> Booking | Refusal:
    """Free a hold's points."""
    hold = open_hold(account, named, kind="release", asked=0)
    if isinstance(hold, Refusal):
        return hold
    account.free_hold(hold)
    hold.resolve("released", leaf=leaf)
    uses = uses_of(account.repay(), leaf=leaf)
    return Booking("release", hold.points, None, (), uses=uses, original_leaf=hold.leaf, hold=hold)


def open_hold(account: Account, named: NamedHold, *, kind: Kind, asked: int) -> Hold | Refusal:
    """Return the open hold of this account that is named, or why it can't be resolved."""
    hold = named.hold
    if hold is None:
        code = named.code or "unknown_original"
        is_retryable = code == "unknown_original"
        return Refusal(code, kind, asked, is_retryable=is_retryable, original_leaf=named.leaf)
    if hold.account != account.account:
        return Refusal("other_account", kind, asked, original_leaf=hold.leaf)
    if hold.state != "reserved":
        return Refusal("hold_resolved", kind, asked, original_leaf=hold.leaf, detail=(("state", hold.state),))
    return hold


def decide_reverse(
    account: Account,
    reverse: Reverse,
    original: Original | None,
    *,
    leaf: int,
    grace: Grace,
    return_loss: ReturnLoss = "member",
    original_is_elsewhere: bool = False,
) -> Booking | Refusal:
    """Undo an earn or burn, whole or in part, never past what is left of it; prices are those of the original. A burn's
    points that have expired meanwhile live again by grace. `return_loss` says who bears an earn's points that are
    gone: the member owes them, or the issuer does not get them back, until there are points again.
    `original_is_elsewhere`: it was booked in another lane, and so on another account."""
    asked = reverse.points or 0
    if original is None and original_is_elsewhere:
        return Refusal("other_account", "reverse_earn", asked)
    if original is None:
        return Refusal("unknown_original", "reverse_earn", asked, is_retryable=True)
    kind: Kind = "reverse_burn" if original.kind in ("burn", "capture", "reverse_burn") else "reverse_earn"
    if original.code is not None:
        return Refusal("original_refused", kind, asked, original_leaf=original.leaf)
    if original.kind not in ("earn", "burn", "capture"):
        return Refusal("not_reversible", kind, asked, original_leaf=original.leaf)
    if original.account != account.account:
        return Refusal("other_account", kind, asked, original_leaf=original.leaf)
    left = original.points - original.reversed_points
    points = left if reverse.points is None else reverse.points
    if points > left or left == 0:
        return Refusal("more_than_left", kind, asked, original_leaf=original.leaf, detail=(("left", left),))
    detail: tuple[tuple[str, int | str], ...] = ()
    if kind == "reverse_earn" and return_loss == "issuer" and points > account.free:
        if account.free == 0:
            return Refusal("points_spent", kind, asked, original_leaf=original.leaf, detail=(("left", left),))
        detail = (("uncovered", points - account.free),)
        points = account.free
    start, end = original.reversed_points, original.reversed_points + points
    payer_shares = payer_shares_between(original.payer_shares, start=start, end=end)
    if kind == "reverse_earn":
        parts = {part: undone for part, (_, undone) in payer_shares}
        uses = uses_of(account.claw_back(original.leaf, points, parts=parts), leaf=leaf)
    else:
        repaid, grace_points = account.give_back(original.uses, points, grace=grace)
        uses = [*uses_of(repaid, leaf=leaf), *original.uses]
        if grace_points:
            detail = (("grace_points", grace_points), ("grace_until", grace.until.isoformat()))
    shares = shares_between(original.shares, start=start, end=end)
    original.reversed_points = end
    return Booking(
        kind,
        points,
        original.terms_version,
        shares,
        uses=uses,
        original_leaf=original.leaf,
        detail=detail,
        payer_shares=tuple(share for _, share in payer_shares),
        promotion=original.promotion,
    )


def uses_of(taken: list[tuple[Lot, int]], *, leaf: int) -> list[LotUse]:
    """Return what the record at `leaf` took of lots: every point that leaves a lot is accounted for by one."""
    return [LotUse(leaf, lot.leaf, lot.part, points) for lot, points in taken]


def shares_between(shares: tuple[tuple[str, int], ...], *, start: int, end: int) -> tuple[tuple[str, int], ...]:
    """Return the part of an earn's shares that lies between two counts of its points, in the order stated.

    Reversals walk through the shares one after the other, so that partial ones add up exactly."""
    cut: list[tuple[str, int]] = []
    below = 0
    for rate, points in shares:
        share = min(end, below + points) - max(start, below)
        if share > 0:
            cut.append((rate, share))
        below += points
    return tuple(cut)


def payer_shares_between(
    shares: tuple[tuple[PayerShare, int], ...], *, start: int, end: int
) -> list[tuple[int, tuple[PayerShare, int]]]:
    """Return the part of a joint earn's shares that lies between two counts of its points, each with the number of its
    lot. Every payer gets back in proportion to what was billed, and in the end exactly that."""
    if not shares:
        return []
    undone = parts_between([points for _, points in shares], start=start, end=end)
    return [
        (part, (payer_share, points))
        for part, ((payer_share, _), points) in enumerate(zip(shares, undone, strict=True))
        if points
    ]
