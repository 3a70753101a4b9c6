"""A household is always the same member, and no two are alike."""

from collections import defaultdict
from email.utils import parseaddr

from coalition.demo.histories import MemberHistories
from coalition.demo.members import member_of
from coalition.demo.plan import PlannedOperation


def test_members_are_distinct_and_stay_the_same() -> None:
    members = [member_of(household_id) for household_id in range(1, 2_501)]
    assert len({member.email for member in members}) == 2_500
    assert len({member.name for member in members}) == 2_500
    assert members[41] == member_of(42)


def test_addresses_are_plain_and_lead_nowhere() -> None:
    """Names may carry accents; addresses are ASCII at a domain reserved for examples."""
    for household_id in range(1, 2_501):
        email = member_of(household_id).email
        assert email.isascii()
        assert parseaddr(email)[1] == email
        assert email.endswith("@post.example")


def test_a_sign_in_of_each_language_is_shown_of_who_did_the_most(plan: list[PlannedOperation]) -> None:
    """Most members have German, as the shops are in Germany; one in four English. The same plan, the same members."""
    members = [member_of(household_id) for household_id in range(1, 2_501)]
    assert [sum(member.language == language for member in members) for language in ("de", "en")] == [1_875, 625]

    histories = MemberHistories()
    for operation in plan:
        histories.add(operation)
    german, english = histories.richest()
    assert (german.language, english.language) == ("de", "en")
    for shown in (german, english):
        alike = {one.household_id for one in plan if member_of(one.household_id).language == shown.language}
        sorts: defaultdict[int, set[tuple[str, str]]] = defaultdict(set)
        for one in plan:
            if one.household_id in alike:
                sorts[one.household_id].add((one.partner_slug, one.kind))
        assert len(sorts[shown.household_id]) == max(map(len, sorts.values()))
