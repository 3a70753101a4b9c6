"""At the end the operator writes all finance reports, and looks whether the control totals tie out."""

import asyncio
import json
from pathlib import Path

from coalition.demo.commands import Commands


async def write_reports(commands: Commands, reports: Path) -> list[str]:
    """Write every report as a workbook and as JSON; return every control total that does not tie out."""
    finance = str(reports / "finance")
    forms = ("xlsx", "json")
    await asyncio.gather(*(commands.run("report", "all", "--format", form, "--output", finance) for form in forms))
    control = json.loads((reports / "finance" / "control.json").read_text())
    return [
        f"control totals of {group}: {row['what']} does not tie out"
        for group in ("points", "money", "cash")
        for row in control[f"control_{group}"]
        if row["outcome"] == "control.broken"
    ]
