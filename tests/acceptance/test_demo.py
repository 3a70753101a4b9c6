"""The demo as a user runs it: one command, real baskets, real messages, and an outcome that ties out."""

import json
import re
import socket
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import facturx
import pytest

from coalition.demo.errors import HubDiedError
from coalition.demo.folder import claim_folder
from coalition.demo.hub_process import HubProcess
from coalition.demo.legal_parties import PARTIES
from coalition.demo.partners import PARTNERS
from settlement.documents.camt053 import read_camt053
from tests.pure.settlement.en16931 import broken_rules
from tests.pure.settlement.test_payment_xml import schema

DAYS = 2
# They share a run of the demo.
pytestmark = pytest.mark.xdist_group("demo")


def coalition(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "coalition", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def figure(label: str, printed: str) -> int:
    """The points that the control totals print beside a label."""
    found = re.search(rf"{re.escape(label)} +([\d,]+) *$", printed, re.MULTILINE)
    assert found is not None, printed
    return int(found[1].replace(",", ""))


def statements(reports: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in reports.glob("window-*/statements/*.json")]


@pytest.fixture(scope="module")
def data_dir(data_root: Path) -> Path:
    return data_root / "demo"


@pytest.fixture(scope="module")
def printed(data_dir: Path) -> str:
    """What the demo prints, once it has ended well."""
    done = coalition("demo", "--days", str(DAYS), "--data-dir", str(data_dir))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_control_totals_add_up_to_the_outstanding_points(printed: str) -> None:
    issued, reversed_issues = figure("points issued", printed), figure("- issues reversed", printed)
    redeemed, back = figure("- redeemed", printed), figure("+ redemptions reversed", printed)
    assert issued > 0
    assert figure("= points outstanding", printed) == issued - reversed_issues - redeemed + back


def test_the_partners_statements_say_what_was_printed(printed: str, data_dir: Path) -> None:
    """What each partner fetched with its own key adds up to the totals of the run, and to the cent to the nets."""
    fetched = statements(data_dir / "reports")
    assert sum(one["control"]["issued"]["points"] for one in fetched) == figure("points issued", printed)
    nets = sum(Decimal(one["totals"]["net"]) for one in fetched)
    assert f"= sum of all nets {nets:,}" in re.sub(" +", " ", printed)
    assert {one["partner"]["name"] for one in fetched} == {PARTIES[partner.slug].legal_name for partner in PARTNERS}


def test_every_statement_lies_there_in_every_format(printed: str, data_dir: Path) -> None:
    for partner in PARTNERS:
        pdf = data_dir / "reports" / "window-1" / "statements" / f"{partner.slug}.pdf"
        assert pdf.read_bytes().startswith(b"%PDF")
        assert pdf.with_suffix(".csv").read_text()
        assert pdf.with_suffix(".xlsx").read_bytes().startswith(b"PK")


def test_every_partner_is_invoiced_by_the_rules(printed: str, data_dir: Path) -> None:
    """Each document that a partner fetched keeps EN 16931, lies in its letter as well, and all come to its net."""
    window = data_dir / "reports" / "window-1"
    for partner in PARTNERS:
        gross = Decimal(0)
        for path in sorted((window / "invoices").glob(f"{partner.slug}-*.xml")):
            xml = path.read_bytes()
            assert broken_rules(xml) == []
            assert facturx.get_facturx_xml_from_pdf(path.with_suffix(".pdf").read_bytes()) == ("factur-x.xml", xml)
            (total,) = re.findall(rb"<ram:GrandTotalAmount>(.*?)<", xml)
            gross += Decimal(total.decode()) * (1 if "INV" in path.name else -1)
        assert str(gross) == json.loads((window / "statements" / f"{partner.slug}.json").read_text())["totals"]["net"]


def test_the_bank_moves_what_the_statements_come_to(printed: str, data_dir: Path) -> None:
    """The SEPA files are valid, the bank's statement moves the same, and the window is settled by it alone."""
    folder = data_dir / "reports" / "window-1"
    asked = Decimal(0)
    for path in (folder / "bank").glob("W*.xml"):
        message = "pain.001.001.09" if "transfers" in path.name else "pain.008.001.08"
        schema(message).validate(str(path))
        (total, *_) = re.findall(r"<CtrlSum>(.*?)<", path.read_text())
        asked += Decimal(total) * (-1 if "transfers" in path.name else 1)
    (statement,) = read_camt053((folder / "bank" / "camt.053.xml").read_bytes())
    moved = sum(entry.amount for entry in statement.entries)
    nets = sum(Decimal(one["totals"]["net"]) for one in statements(data_dir / "reports"))
    assert asked == moved == nets != 0
    control = json.loads((data_dir / "reports" / "finance" / "control.json").read_text())
    assert str(nets) in json.dumps(control["control_cash"])


def test_the_tax_adviser_gets_a_batch(printed: str, data_dir: Path) -> None:
    """Its head names the format, and each tax document is booked by its number."""
    folder = data_dir / "reports" / "window-1"
    batch = (folder / "datev" / "EXTF_W00001.csv").read_text("cp1252")
    assert batch.startswith('"EXTF";700;21;')
    for path in (folder / "invoices").glob("*.xml"):
        assert path.stem.partition("-")[2] in batch


def test_the_finance_reports_lie_there_and_tie_out(printed: str, data_dir: Path) -> None:
    folder = data_dir / "reports" / "finance"
    control = json.loads((folder / "control.json").read_text())
    outcomes = {row["outcome"] for group in ("points", "money", "cash") for row in control[f"control_{group}"]}
    assert outcomes == {None, "control.ties_out"}
    assert (folder / "breakage.xlsx").read_bytes().startswith(b"PK")
    points = json.loads((folder / "points.json").read_text())["points_by_partner"]
    assert sum(row["issued"] for row in points) == figure("points issued", printed)


def test_the_books_hold_after_the_demo_too(printed: str, data_dir: Path) -> None:
    """The hub is down by then: nothing of the demo runs on, and its database is there for the other commands."""
    assert "Everything ties out" in printed
    checked = coalition("check", "--data-dir", str(data_dir), "--json")
    assert checked.returncode == 0, checked.stderr
    assert json.loads(checked.stdout)["outstanding"] == figure("= points outstanding", printed)
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


def test_what_names_members_is_for_the_owner_alone(printed: str, data_dir: Path) -> None:
    """Also as root, where the folder lets the database's user through, and so everybody who knows a name."""
    assert printed
    private = ["members.csv", "partners.json", "hub.log", "partners", "reports"]
    open_to_others = {name: oct(mode) for name in private if (mode := (data_dir / name).stat().st_mode) & 0o077}
    assert open_to_others == {}


def test_a_directory_of_others_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    refused = coalition("demo", "--days", "1", "--data-dir", str(tmp_path))
    assert refused.returncode == 1
    assert "no demo put there" in refused.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


async def test_a_hub_that_does_not_start_is_told_with_its_log(data_root: Path) -> None:
    """Here another program has its port."""
    with socket.create_server(("127.0.0.1", 0)) as taken, claim_folder(data_root / "demo-died") as folder:
        port = taken.getsockname()[1]
        hub = HubProcess(folder, port=port)
        with pytest.raises(HubDiedError, match=rf"exit code 1; the end of {folder.hub_log}:\n(?s:.*)port {port}"):
            async with hub:
                pass
