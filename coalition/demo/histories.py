"""Which member of each language has the most to show on its page."""

from collections import Counter, defaultdict

from coalition.demo.members import LANGUAGES, Member, member_of
from coalition.demo.plan import PlannedOperation


class MemberHistories:
    """Counts what each household did, as the plan goes by."""

    def __init__(self) -> None:
        self._operations: Counter[int] = Counter()
        self._sorts: defaultdict[int, set[tuple[str, str]]] = defaultdict(set)

    def add(self, operation: PlannedOperation) -> None:
        self._operations[operation.household_id] += 1
        self._sorts[operation.household_id].add((operation.partner_slug, operation.kind))

    def richest(self) -> list[Member]:
        """Return, of each language, the member with the most different things done at the most partners; of equals the
        busiest."""
        poorest_first = sorted(
            self._sorts, key=lambda household: (len(self._sorts[household]), self._operations[household])
        )
        richest = {member.language: member for member in map(member_of, poorest_first)}
        return [richest[language] for language in LANGUAGES if language in richest]
