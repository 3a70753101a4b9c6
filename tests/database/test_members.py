"""Taking members in: all of them or none, and each bad field told."""

import csv
import stat
from pathlib import Path

import pytest

from coalition.database.pool import Pool
from coalition.errors import RequestRefusedError
from coalition.operations.add_members import NewMember, add_members
from coalition.programme.card_number import printed
from tests.database.command_line import Call, document_of
from tests.http.conftest import now


async def test_members_that_can_not_be_kept_or_shown_are_refused_together(pool: Pool) -> None:
    """What no database keeps, what would break a page's line or turn it around, and what can't be seen at all."""
    bad_names = ["", "   ", "a\0b", "Erika\nMuster", "\u202eErika", "x" * 101]
    members = [
        NewMember(f"member{number}@shop.example", name, place=f"line {number}") for number, name in enumerate(bad_names)
    ]
    members += [NewMember("nobody", "A name"), NewMember("good@shop.example", "نام\u200cها", "fr", place="line 7")]
    members += [NewMember("Good@Shop.example", "Zwilling", place="line 8")]
    with pytest.raises(RequestRefusedError) as refusal:
        await add_members(pool, members, now=now())

    wrong = [f"line {number}, name" for number in range(len(bad_names))]
    assert [fault.field for fault in refusal.value.faults] == [*wrong, "email", "line 7, language", "line 8, email"]
    assert refusal.value.faults[-1].expected == "each address once; line 7 has the same"
    assert await pool.fetchval("SELECT count(*) FROM member") == 0


async def test_a_file_of_members_is_refused_by_its_lines_and_columns(call: Call, tmp_path: Path, pool: Pool) -> None:
    """As an editor counts them: a quoted name over two lines moves what comes after it."""
    file, head = tmp_path / "members.csv", "email,name,language\r\n"
    refused: dict[bytes, str] = {
        b"e-mail,name\n": "line 1: expected email,name,language, 'e-mail,name' came",
        f"{head}a@b.example,A,de\r\nb@b.example,B\r\n".encode(): "line 3: expected 3 fields, 2 came",
        f"{head}a@b.example,A,de\r\n".encode()
        + b"b@b.example,M\xfcller,de\r\n": r"line 3: expected UTF-8, b'\xfc' came",
        f'{head}a@b.example,"A"x,de\r\n'.encode(): "line 2: expected CSV",
        f'{head}a@b.example,"A\r\nB",de\r\nnobody,C,fr\r\nA@b.example,D,\r\n'.encode(): (
            r"line 2, name: expected 1 to 100 characters on one line, not only spaces, 'A\r\nB' came; "
            "line 4, email: expected an e-mail address (An email address must have an @-sign), 'nobody' came; "
            "line 4, language: expected en or de, 'fr' came; "
            "line 5, email: expected each address once; line 2 has the same, 'A@b.example' came"
        ),
    }
    for content, told in refused.items():
        file.write_bytes(content)
        answer = await call("member", "import", str(file))
        words = " ".join(answer.stderr.replace("│", " ").split())
        assert (answer.exit_code != 0, told in words) == (True, True), words
    file.write_text(f"{head}a@b.example,A,de\r\nb@b.example,B,\r\n")
    assert [one["email"] for one in await document_of(call, "member", "import", str(file))] == [
        "a@b.example",
        "b@b.example",
    ]
    file.write_text(f"{head}c@b.example,C,\r\nB@b.example,B,\r\nA@b.example,A,\r\n")
    answer = await call("member", "import", str(file))
    assert (answer.exit_code, " ".join(answer.stderr.replace("│", " ").split())) == (
        1,
        "coalition: line 3, email: expected an address that no member has, 'B@b.example' came; "
        "line 4, email: expected an address that no member has, 'A@b.example' came",
    )
    assert await pool.fetchval("SELECT count(*) FROM member") == 2


async def test_the_cards_of_a_file_of_members_are_written_beside_them(call: Call, tmp_path: Path, pool: Pool) -> None:
    """Who hands out cards needs to know whose each is; where they can't be written, no account is opened."""
    file, output = tmp_path / "members.csv", tmp_path / "cards.csv"
    file.write_text('email,name,language\nErika@b.example,"Muster, Érika",de\nb@b.example,B,\n')
    refused = await call("member", "import", str(file), "--output", str(file / "cards.csv"))
    assert (refused.exit_code, "cards.csv" in refused.stderr) == (1, True)
    assert await pool.fetchval("SELECT count(*) FROM member") == 0

    told = (await call("member", "import", str(file), "--output", str(output))).stdout
    assert (told.startswith("2 accounts are open"), str(output) in told) == (True, True)
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    rows = list(csv.DictReader(output.read_text().splitlines()))
    assert [list(row.values())[:3] for row in rows] == [
        ["erika@b.example", "Muster, Érika", "de"],
        ["b@b.example", "B", ""],
    ]
    assert [(int(row["account"]), row["card"]) for row in rows] == [
        (place["account"], printed(place["card"]))
        for place in await pool.fetch("SELECT account, card FROM card ORDER BY account")
    ]

    again = await call("member", "import", str(file), "--output", str(output))
    assert (again.exit_code, "already" in again.stderr) == (2, True)
    assert len(list(csv.DictReader(output.read_text().splitlines()))) == 2
