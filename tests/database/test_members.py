"""Taking members in: all of them or none, and each bad field told."""

import pytest

from coalition.database.pool import Pool
from coalition.errors import RequestRefusedError
from coalition.operations.add_members import NewMember, add_members
from tests.http.conftest import now


async def test_members_that_can_not_be_kept_or_shown_are_refused_together(pool: Pool) -> None:
    """What no database keeps, what would break a page's line or turn it around, and what can't be seen at all."""
    bad_names = ["", "   ", "a\0b", "Erika\nMuster", "\u202eErika", "x" * 101]
    members = [NewMember(f"member{number}@shop.example", name) for number, name in enumerate(bad_names)]
    members += [NewMember("nobody", "A name"), NewMember("good@shop.example", "نام\u200cها", "fr")]
    with pytest.raises(RequestRefusedError) as refusal:
        await add_members(pool, members, now=now())

    wrong = [f"members.{number}.name" for number in range(len(bad_names))]
    assert [fault.field for fault in refusal.value.faults] == [*wrong, "members.6.email", "members.7.language"]
    assert await pool.fetchval("SELECT count(*) FROM member") == 0
