"""Do to shares what movements on the operator's account were taken for; the caller has the transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from coalition.database.pool import Connection
from coalition.lanes.fit_allowances import fit_allowances
from settlement.engine.match_payments import Match, OpenShare
from settlement.engine.money import Currency
from settlement.engine.payment_reference import ShareReference
from settlement.operations.record_payment import NewPayment, find_share, take_overpayment, take_payment
from settlement.operations.return_payment import take_return
from settlement.stores.adjustments import Adjustment, count_adjustments, insert_adjustments
from settlement.stores.hub import load_programme
from settlement.stores.payments import load_received
from settlement.stores.rules import FeeBearer, load_rules
from settlement.stores.shares import Share, load_shares
from settlement.stores.terms import ReturnFee, load_return_fees
from settlement.stores.windows import find_window


@dataclass(slots=True)
class BankRun:
    """Payments being taken, one after the other, with the shares as they are meanwhile."""

    connection: Connection
    currency: Currency
    rule: FeeBearer
    bearers: Mapping[int, Sequence[tuple[date, ReturnFee]]]
    now: datetime
    actor: str
    shares: dict[ShareReference, OpenShare] = field(default_factory=dict)
    documents: dict[str, ShareReference] = field(default_factory=dict)
    moved_partners: set[int] = field(default_factory=set)
    paid_windows: set[int] = field(default_factory=set)

    def charges(self, match: Match, booked_on: date) -> bool:
        """Say whether it is a bank's fee that the share's partner bears: by its terms of the day, else by the rule."""
        if match.outcome != "fee" or match.share is None:
            return False
        said = [bearer for since, bearer in self.bearers.get(match.share.partner, ()) if since <= booked_on]
        bearer = said[-1] if said else "rule"
        return (self.rule if bearer == "rule" else bearer) == "partner"


async def open_run(connection: Connection, *, now: datetime, actor: str) -> BankRun:
    """Return a run by the rules of now; the caller has locked the windows, and ends it."""
    programme = await load_programme(connection)
    rule = (await load_rules(connection)).return_fee
    return BankRun(connection, programme.currency, rule, await load_return_fees(connection, programme), now, actor)


async def end_run(run: BankRun) -> tuple[int, ...]:
    """Fit the allowances of partners that paid, or were paid back, and return the windows that are settled by it."""
    # A window that was settled before takes no payments.
    states = [await find_window(run.connection, window_no) for window_no in sorted(run.paid_windows)]
    if run.moved_partners:
        # Last, as `pay_share` has it.
        await fit_allowances(run.connection, sorted(run.moved_partners))
    return tuple(window.window_no for window in states if window.state == "SETTLED")


async def take_match(run: BankRun, match: Match, reference: str, booked_on: date) -> None:
    """Do to a share what a movement was taken for; `reference` makes it one payment, whenever it comes again."""
    if match.share is None or match.outcome in ("early", "unmatched"):
        return
    window_no, partner = match.share
    payment = NewPayment(amount=match.amount, reference=reference, paid_on=booked_on)
    if match.outcome == "fee":
        if run.charges(match, booked_on):
            await _charge_fee(run, match.share, -match.amount)
    elif match.outcome == "returned":
        await take_return(run.connection, window_no, partner, payment, now=run.now, actor=run.actor)
        run.moved_partners.add(partner)
        await _load_again(run, match.share)
    elif match.outcome == "over":
        await take_overpayment(run.connection, window_no, partner, payment, now=run.now, actor=run.actor)
        if run.shares[match.share].state != "PAID":
            run.moved_partners.add(partner)
            run.paid_windows.add(window_no)
        await _load_again(run, match.share)
    else:
        taken = await take_payment(run.connection, window_no, partner, payment, now=run.now, actor=run.actor)
        run.shares[match.share] = run.shares[match.share].less(match.amount)
        if taken == "in full":
            run.moved_partners.add(partner)
            run.paid_windows.add(window_no)


async def _charge_fee(run: BankRun, share: ShareReference, amount: Decimal) -> None:
    """Make a bank's fee payable with the partner's next share."""
    before = await count_adjustments(run.connection, "return_fee", share.window, share.partner)
    fee = Adjustment(
        partner=share.partner, kind="return_fee", amount=amount, from_window=share.window, about=before + 1
    )
    await insert_adjustments(run.connection, [fee], run.currency, now=run.now)


async def load_open_shares(run: BankRun, windows: Iterable[int]) -> None:
    """Load the shares of windows that are not loaded yet."""
    loaded = {share.window for share in run.shares}
    # Numbers that no window can have are left out: the column is of 32 bits.
    wanted = sorted(window for window in windows if window not in loaded and window < 2**31)
    received = await load_received(run.connection, wanted, run.currency)
    for share in await load_shares(run.connection, wanted, run.currency):
        reference = ShareReference(share.window_no, share.partner)
        run.shares[reference] = _open(share, received)


async def _load_again(run: BankRun, reference: ShareReference) -> None:
    share = await find_share(run.connection, reference.window, reference.partner)
    run.shares[reference] = _open(share, await load_received(run.connection, [reference.window], run.currency))


def _open(share: Share, received: Mapping[tuple[int, int], Decimal]) -> OpenShare:
    return OpenShare(
        share.state, share.payable, share.unpaid, received.get((share.window_no, share.partner), Decimal(0))
    )
