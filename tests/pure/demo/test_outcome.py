"""What is told after a run leads to what there is to look at."""

from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from coalition.demo.bill import MOVEMENTS, WindowBill
from coalition.demo.folder import claim_folder
from coalition.demo.outcome import Outcome, tell_outcome
from coalition.demo.screen import Screen


@pytest.mark.parametrize("is_serving", [False, True])
def test_who_sees_the_pages_already_is_not_told_how_to(tmp_path: Path, is_serving: bool) -> None:
    bill = WindowBill(1, "2026-10", {}, dict.fromkeys(MOVEMENTS, 0), 0, Decimal("0.00"), Decimal("0.00"))
    told = StringIO()
    with claim_folder(tmp_path / "demo") as folder:
        tell_outcome(Outcome(0.0, bills=[bill]), folder, Screen(Console(file=told)), is_serving=is_serving)
    assert "Statements:" in told.getvalue()
    assert ("make serve-demo" in told.getvalue()) != is_serving
