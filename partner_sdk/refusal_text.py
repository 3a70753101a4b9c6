"""A refusal in words: what the hub told with it, and what a till does next."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from partner_sdk.result import Result

# By the hub's code; one that is not here is newer than this SDK.
NEXT: Final[Mapping[str, str]] = {
    "account_closed": "the member has left the programme; no points on this card any more",
    "burn_below_minimum": "burn at least `limit` points, or take the money",
    "burn_day_limit": "burn no more than what `used` leaves of `limit`, or a new operation after `until`",
    "burn_not_allowed": "your contract has no burns; ask the operator",
    "burn_not_permitted": "this card may collect only; another card of the account may spend",
    "cap_reached": "nothing to do at the till; ask the operator for more of a cap, or pay what is open",
    "card_blocked": "ask for another card",
    "card_replaced": "ask for the new card",
    "certificate_counter_used": "give each burn of a certificate a counter of its own",
    "certificate_expired": "get a new certificate",
    "certificate_other": "use a certificate of this very card and till",
    "certificate_spent": "burn at most what is `left` of it, or get a new certificate",
    "certificate_unknown": "get a certificate of this hub for this card",
    "earn_day_limit": "a new operation after `until`",
    "earn_not_allowed": "your contract has no earns; ask the operator",
    "hold_resolved": "the points are no more set aside; reserve anew if the sale is still open",
    "insufficient_points": "burn or reserve at most what is available, and take the rest in money",
    "more_than_left": "capture or reverse at most what is left",
    "no_points_earned": "nothing to do: the purchase is too small for a point",
    "no_terms": "your contract was not yet running at `occurred_at`; ask the operator",
    "no_terms_of_payer": "send the earn without the promotion, and tell the operator",
    "not_a_reserve": "name the id of a reserve",
    "not_reversible": "name the id of an earn, a burn or a capture",
    "operation_id_reused": "the first operation of this id stays; give this one an id of its own",
    "original_refused": "nothing to undo: the original was not booked",
    "other_account": "send it with a card of the member whose original it is",
    "points_missing": "send `points`, or agree on an earn rule with the operator",
    "points_over_limit": "check the purchase's amount, or send it in parts",
    "points_spent": "the member has spent the points, and you bear it; nothing is left to take back now",
    "promotion_budget_spent": "earn at most what is left of its budget, or without the promotion",
    "promotion_not_running": "send the earn without the promotion",
    "step_up_needed": "have a code sent to the member, and send a new operation with it",
    "step_up_wrong": "let the member read the code again; with no attempts left have another one sent",
    "too_fast": "a new operation after `until`",
    "unknown_card": "it waits in the outbox, since the card may still be issued; check its digits",
    "unknown_original": "it waits in the outbox, since the original may still come; check its id",
    "unknown_promotion": "send the earn without it, or ask the operator for the promotion's name",
}


def refusal_text(result: "Result") -> str:
    """Return the code of a refusal, each figure that came with it, and what to do next where that is known."""
    told = "".join(f", {name} {value}" for name, value in result.told.items())
    advice = NEXT.get(result.code or "")
    return f"{result.code}{told}" + ("" if advice is None else f": {advice}")
