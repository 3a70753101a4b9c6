"""Checks everything that the outbox keeps as evidence, offline."""

from collections import Counter
from dataclasses import asdict, dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from partner_sdk.errors import ReceiptInvalidError
from partner_sdk.hub_keys import HubKeys
from partner_sdk.outbox import Outbox
from partner_sdk.receipt import Receipt


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked; `faults` names every receipt that is not valid and every operation at odds with its receipt."""

    receipts: int
    receipts_valid: int
    booked: int
    refused: int
    rejected: int
    faults: tuple[str, ...]

    def figures(self) -> dict[str, int]:
        figures = asdict(self)
        del figures["faults"]
        return figures


def verify_receipts(outbox: Outbox, *, hub_key: Ed25519PublicKey | None) -> Checked:
    """Verify every kept receipt with this hub key, or with the pinned ones.

    Only what a valid receipt says is counted. Not checked: whether the hub's journal holds the same.
    """
    keys = HubKeys(outbox, named=hub_key)
    counts: Counter[str] = Counter()
    faults: list[str] = []
    for receipt, states in outbox.receipts():
        counts["receipts"] += 1
        try:
            keys.verify(receipt)
            verdicts = _verdicts(receipt, states)
        except ReceiptInvalidError as fault:
            faults.append(f"receipt of {receipt.received_at.isoformat()}: {fault}")
            continue
        counts["receipts_valid"] += 1
        counts.update(verdicts.values())
        faults += [
            f"operation {operation_id}: the outbox says {states[operation_id]}, its receipt says {verdict}"
            for operation_id, verdict in verdicts.items()
            if states[operation_id] != verdict
        ]
    figures = {name: counts[name] for name in ("receipts", "receipts_valid", "booked", "refused", "rejected")}
    return Checked(**figures, faults=tuple(faults))


def _verdicts(receipt: Receipt, states: dict[str, str]) -> dict[str, str]:
    """Return what the receipt says of the operations that rest on it, except those that still wait."""
    if not states:
        # A checkpoint or a statement; or an answer that a later one has taken the place of.
        return {}
    final = [operation_id for operation_id, state in states.items() if state not in ("waiting", "set_aside")]
    if receipt.status != 200:
        return dict.fromkeys(final, "rejected")
    told = {result.id: result.verdict for result in receipt.results()}
    return {operation_id: told.get(operation_id, "nothing") for operation_id in final}
