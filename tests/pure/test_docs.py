"""Documentation that can be wrong is held to the code."""

from pathlib import Path

from coalition.config import Settings
from coalition.pages.refusal_wording import EN
from partner_sdk.refusal_text import NEXT

ROOT = Path(__file__).resolve().parents[2]


def test_every_setting_is_in_the_operators_table() -> None:
    """A setting that nobody can find does not exist."""
    table = (ROOT / "docs" / "operator.md").read_text()
    told = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `COALITION_")}
    assert told == {f"COALITION_{name.upper()}" for name in Settings.model_fields}


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    for page in pages:
        for target in page.read_text().split("](")[1:]:
            path = target.partition(")")[0].partition("#")[0]
            if path and not path.startswith("http"):
                assert (page.parent / path).exists(), f"{page.name} links to {path}"


def test_every_refusal_is_in_the_partners_guide_and_says_what_to_do_next() -> None:
    """A till's developer finds each code that the hub knows; the words for members have all that are journalled."""
    words = {key.split(".")[1] for key in EN if key.count(".") == 1} - {"until", "other"}
    codes = words | {"unknown_card", "unknown_original", "operation_id_reused"}
    guide = (ROOT / "docs" / "partner.md").read_text()
    assert {code for code in codes if f"`{code}`" not in guide} == set()
    assert NEXT.keys() == codes
