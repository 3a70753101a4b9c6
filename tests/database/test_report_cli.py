"""Reports at the operator's shell: as text, JSON and files, and refusals in one line."""

import json
from pathlib import Path

import pytest

from coalition.database.pool import Pool
from settlement.operations.reports.make_report import REPORT_NAMES
from settlement.pages.running_totals import load_running
from tests.database.command_line import Call
from tests.database.settlement_books import Books


async def test_a_report_is_told_and_written(pool: Pool, call: Call, tmp_path: Path) -> None:
    await Books(pool).worked_example_1()

    told = await call("report", "points")
    document = json.loads((await call("report", "points", "--partner", "B", "--json")).stdout)
    written = await call("report", "points", "--format", "csv", "--language", "de", "--output", str(tmp_path / "p.csv"))

    assert told.stdout.splitlines()[0] == "Window 1"
    assert told.stdout.splitlines()[4].split()[:2] == ["A", "1,200,000"]
    assert [(row["partner"], row["redeemed"]) for row in document["points_by_partner"]] == [("B", 800_000)]
    assert written.exit_code == 0
    assert "A;1200000;0;450000;0;750000;0;8" in (tmp_path / "p.csv").read_text("utf-8-sig")


BOOK_LATE = """
INSERT INTO journal (lane, leaf, window_no, kind, partner, operation_id, account, points, occurred_at, booked_at,
    result)
SELECT 0, partner, 2, 'earn', partner, 'late', 1, 10, now() - interval '40 days', now(), '{}' FROM partner
"""


async def test_partners_are_listed_by_name(pool: Pool, call: Call) -> None:
    """As a reader looks for them, whatever their numbers: what was late, and what is booked so far."""
    books = Books(pool)
    zoo, apples = await books.partner("Zoo"), await books.partner("Äpfel")
    for partner in (zoo, apples):
        await books.book(partner, "issued", 100)
    running = await load_running(pool, 1)
    assert [name for name, _ in running.partners] == ["Äpfel", "Zoo"]
    await books.close()
    await pool.execute("UPDATE clearing_window SET opened_at = now() - interval '9 days'")
    await pool.execute("UPDATE lane SET size = 3 WHERE lane = 0")
    await pool.execute(BOOK_LATE)
    late = json.loads((await call("report", "late", "--window", "2", "--json")).stdout)["late_items"]
    assert [(row["partner"], row["operations"]) for row in late] == [("Äpfel", 1), ("Zoo", 1)]


async def test_all_reports_are_written_into_a_folder(pool: Pool, call: Call, tmp_path: Path) -> None:
    await Books(pool).worked_example_1()

    written = await call("report", "all", "--format", "xlsx", "--output", str(tmp_path / "month"))
    refused = await call("report", "all")

    assert written.exit_code == 0, written.output
    assert {path.stem for path in (tmp_path / "month").glob("*.xlsx")} == set(REPORT_NAMES)
    assert refused.exit_code == 2
    assert "all reports need" in refused.stderr


async def test_reports_that_an_archived_window_has_no_operations_for_are_left_out_by_name(
    pool: Pool, call: Call, tmp_path: Path
) -> None:
    """Asked for alone such a report is refused; of all reports the others are written."""
    await Books(pool).worked_example_1()
    await pool.execute("INSERT INTO archived_range (lane, window_no, first_leaf, end_leaf) VALUES (0, 1, 0, 1)")

    alone = await call("report", "shops", "--window", "1")
    written = await call("report", "all", "--window", "1", "--format", "json", "--output", str(tmp_path / "month"))

    assert (alone.exit_code, written.exit_code) == (1, 0)
    assert "The operations of window 1 are archived" in alone.stderr
    assert {path.stem for path in (tmp_path / "month").glob("*.json")} == set(REPORT_NAMES) - {"shops"}
    assert "shops is left out: The operations of window 1 are archived" in written.stderr


async def test_what_is_expected_is_said_from_a_window_on(call: Call) -> None:
    said = json.loads((await call("breakage", "set", "--expected-redemption", "0.97", "--json")).stdout)
    rules = json.loads((await call("breakage", "list", "--json")).stdout)

    assert (said["from_window"], said["expected_redemption"], said["issuer_share"]) == (1, "0.97", "0")
    assert [rule["expected_redemption"] for rule in rules] == ["0.95", "0.97"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("report", "points", "--window", "9"), "there is no window 9"),
        (("report", "points", "--partner", "Nobody"), "there is no partner Nobody"),
        (("breakage", "set", "--issuer-share", "1.5"), "issuer_share: must be a share from 0 to 1, not 1.5"),
        (("breakage", "set", "--issuer-share", "0.1234567"), "at most 6 decimals"),
        (("breakage", "set", "--from-window", "99999"), "from_window: must be 1"),
    ],
)
async def test_what_cannot_be_is_refused_in_one_line(call: Call, arguments: tuple[str, ...], told: str) -> None:
    refused = await call(*arguments)

    assert refused.exit_code == 1
    assert told in refused.stderr
    assert refused.stderr.count("\n") == 1
