"""The body of a signed message: the exact bytes of its operations, joined."""

from collections.abc import Iterable, Sequence

from partner_sdk.errors import AnswerNotUnderstoodError
from partner_sdk.receipt import Receipt
from partner_sdk.result import Result

OPERATIONS_MAX = 1_000
BYTES_MAX = 1 << 20

_HEAD, _TAIL = b'{"operations":[', b"]}"


def message_body(operations: Iterable[bytes]) -> bytes:
    """Return the body that carries these operations, each byte for byte as it was saved."""
    return _HEAD + b",".join(operations) + _TAIL


def fitting(operations: Sequence[bytes]) -> int:
    """Return how many of these operations, from the first, fit into one message; at least one if there is any."""
    size = len(_HEAD) + len(_TAIL)
    for count, operation in enumerate(operations[:OPERATIONS_MAX]):
        size += len(operation) + 1
        if size > BYTES_MAX and count:
            return count
    return min(len(operations), OPERATIONS_MAX)


def results_for(receipt: Receipt, operation_ids: Sequence[str]) -> list[Result]:
    """Return the receipt's results, which must answer exactly these operations in this order."""
    results = receipt.results()
    if [result.id for result in results] != list(operation_ids):
        raise AnswerNotUnderstoodError(
            f"expected {len(operation_ids)} results in the order of the operations, got {len(results)} others"
        )
    return results
