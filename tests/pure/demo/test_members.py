"""A household is always the same member, and no two are alike."""

from email.utils import parseaddr

from coalition.demo.members import member_of


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
