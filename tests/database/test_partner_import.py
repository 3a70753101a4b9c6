"""Partners taken in from a file, all of them or none, and a window billed in one command."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coalition.database.pool import Pool
from partner_sdk import make_key_pair
from tests.database.command_line import Call, document_of
from tests.database.settlement_books import Books
from tests.pure.settlement.bank_examples import IBANS, OPERATOR_IBAN

PARTY = {"legal_name": "A GmbH", "street": "Ring 1", "post_code": "20457", "town": "Hamburg", "country": "DE"}
TERMS = {"service_fee": 0.001, "charge_vat": "S 19 DE", "fee_vat": "S 19 DE", "funding": "prepaid"}


@pytest.fixture
def file_of(tmp_path: Path) -> Callable[..., str]:
    def file_of(*partners: dict[str, Any]) -> str:
        file = tmp_path / "partners.json"
        file.write_text(json.dumps({"partners": partners}))
        return str(file)

    return file_of


def entry(folder: Path, name: str, **more: Any) -> dict[str, Any]:
    public_key, _ = make_key_pair(folder / f"{name}.pem")
    return {"name": name, "key": public_key.read_text(), **more}


async def test_partners_come_with_all_that_is_known_of_them(
    call: Call, file_of: Callable[..., str], tmp_path: Path
) -> None:
    mandate = {"id": "M-1", "signed_on": "2026-03-09", "scheme": "B2B"}
    blocks = {"points": 5000, "warn_below": 1000, "overdraft": "refused"}
    full = entry(tmp_path, "A", terms=TERMS, party=PARTY, bank={"iban": IBANS[0], "mandate": mandate}, prepaid=blocks)
    taken = await document_of(call, "partner", "import", file_of(full, entry(tmp_path, "B", may_burn=False)))
    assert [one["name"] for one in taken] == ["A", "B"]
    (terms,) = await document_of(call, "terms", "list", "A")
    assert (terms["service_fee"], terms["charge_vat"], terms["funding"]) == ("0.001", "S 19 DE", "prepaid")
    (account,) = await document_of(call, "partner", "bank", "show", "A")
    assert (account["holder"], account["mandate_id"], account["town"]) == ("A GmbH", "M-1", "Hamburg")
    shown = await document_of(call, "prepaid", "show", "A")
    assert (shown["left"], shown["warn_below"], shown["overdraft"]) == (5000, 1000, "refused")
    assert [one["may_burn"] for one in await document_of(call, "partner", "list")] == [True, False]


async def test_every_fault_is_named_and_nobody_is_taken_in(
    call: Call, file_of: Callable[..., str], tmp_path: Path
) -> None:
    """What the form tells first; what only the books know then, of all partners at once."""
    good, bad = entry(tmp_path, "A", party=PARTY), entry(tmp_path, "B")
    for wrong, told in (
        ({"nmae": "B"}, "partners[1].nmae: Extra inputs"),
        ({"terms": {"commission": "much"}}, "partners[1].terms.commission: Input should be a valid decimal"),
        ({"prepaid": {"points": "5"}}, "partners[1].prepaid.points"),
    ):
        refused = await call("partner", "import", file_of(good, bad | wrong))
        assert (refused.exit_code, told in refused.stderr) == (1, True), refused.stderr
    books_know = [
        good,
        entry(tmp_path, "C", bank={"iban": "DE03120300000000202051"}, prepaid={"points": 5}),
        entry(tmp_path, "D", terms={"commission": 2}),
        {**entry(tmp_path, "E"), "name": "A"},
    ]
    refused = await call("partner", "import", file_of(*books_know))
    for told in (
        "nobody is taken in; 4 faults",
        "partners[1] (C).bank: ",
        "expected check digits 02",
        "partners[1] (C).prepaid: ",
        "partners[2] (D).terms.commission: expected 0 to 1, '2' came",
        "partners[3] (A): name: a partner is named 'A' already",
    ):
        assert told in refused.stderr, refused.stderr
    assert await document_of(call, "partner", "list") == []


async def test_a_window_is_billed_in_one_command(pool: Pool, call: Call, tmp_path: Path) -> None:
    """What can be written is; what can't is told in one go with what helps, and comes when it is called again."""
    await Books(pool).worked_example_1()
    folder = tmp_path / "month"
    again = f"coalition window bill 1 --output {folder}"
    part = await call("window", "bill", "1", "--output", str(folder))
    assert part.exit_code == 3
    told = part.stdout[part.stdout.index("It has no tax documents and gets none") :].splitlines()
    assert told[1:] == [
        "Window 1 is billed; missing:",
        "  bank/: the operator has no bank account",
        "    coalition operator bank set --iban IBAN",
        "  bank/: B (partner 2) has no bank account",
        "    coalition partner bank set 2 --iban IBAN",
        "  datev/: nobody has set the numbers of the tax adviser and of the client",
        "    coalition datev set --consultant NUMBER --client NUMBER",
        f"Then: {again}",
    ]
    statements = [f"documents/ST-00001-0000{partner}.{kind}" for partner in (1, 2, 3) for kind in ("json", "pdf")]
    assert files_in(folder) == statements
    as_json = await call("window", "bill", "1", "--output", str(folder), "--json")
    assert as_json.exit_code == 3
    document = json.loads(as_json.stdout)
    assert [one["folder"] for one in document["missing"]] == ["bank", "bank", "datev"]
    assert (document["payments"], document["documents"]) == (None, 6)

    await document_of(call, "datev", "set", "--consultant", "1001", "--client", "1")
    refused = await call("window", "payments", "1")
    assert (refused.exit_code, "; next: coalition operator bank set --iban IBAN; " in refused.stderr) == (1, True)
    assert (await call("window", "bill", "1", "--output", str(folder))).exit_code == 3
    assert files_in(folder) == ["datev/EXTF_W00001.csv", *statements]
    await document_of(call, "operator", "bank", "set", "--iban", OPERATOR_IBAN, "--holder", "O", "--town", "Hamburg",
                      "--country", "DE")  # fmt: skip
    part = await call("window", "bill", "1", "--output", str(folder))
    assert (part.exit_code, "  bank/: B (partner 2) has no bank account" in part.stdout) == (3, True)
    await document_of(call, "partner", "bank", "set", "2", "--iban", IBANS[1], "--holder", "B", "--town", "Wien",
                      "--country", "AT")  # fmt: skip
    # What was killed half-way has left a part under another name.
    (folder / "bank").mkdir()
    (folder / "bank" / "W00001-P00002-transfers-pain.001.001.09.xml.part").write_bytes(b"<Docu")
    billed = await document_of(call, "window", "bill", "1", "--output", str(folder))
    assert (billed["state"], billed["payments"]["transfers"][0]["amount"]) == ("INVOICED", "5000.00")
    assert billed["missing"] == []
    assert files_in(folder) == [
        "bank/W00001-P00002-transfers-pain.001.001.09.xml",
        "datev/EXTF_W00001.csv",
        *statements,
    ]
    assert await document_of(call, "window", "bill", "1", "--output", str(folder)) == billed
    assert "Every step is recorded" in (await call("window", "bill", "1")).stdout


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*"))


async def test_blocks_are_bought_only_where_little_is_left(
    call: Call, file_of: Callable[..., str], tmp_path: Path
) -> None:
    blocks = {"points": 900, "warn_below": 1000}
    await document_of(call, "partner", "import", file_of(entry(tmp_path, "A", terms=TERMS, prepaid=blocks)))
    for _ in range(2):
        assert (await document_of(call, "prepaid", "buy", "A", "900", "--if-low"))["left"] == 1800
    assert (await call("prepaid", "buy", "A", "900", "--if-low", "--price", "1")).exit_code == 2
