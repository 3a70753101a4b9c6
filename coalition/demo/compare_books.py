"""Each partner compares its outbox with the hub's journal and its statements, as `coalition-partner reconcile` does."""

from collections.abc import Callable, Mapping

from partner_sdk import Coalition, Reconciliation


async def compare_books(clients: Mapping[str, Coalition], advance: Callable[[], None]) -> tuple[int, list[str]]:
    """Return how many operations were compared, and what differs, by partner."""
    compared, faults = 0, list[str]()
    for name, client in clients.items():
        books = await client.reconcile()
        compared += sum(day.hub.count for day in books.days)
        faults += [f"{name}: {told}" for told in _told(books)]
        advance()
    return compared, faults


def _told(books: Reconciliation) -> list[str]:
    differences = [f"operation {one.id}: {one.kind}" for one in books.differences]
    statements = [
        f"statement of window {check.window}: {fault}" for check in books.statements for fault in check.faults
    ]
    return differences + statements
