"""What a window costs when it has ended: its calculation and its documents, by partner.

The operator's own commands are run on an embedded database, once with few partners and then with more: the difference
is what a partner costs, without what a command takes to start.
"""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from coalition.bench.processor import tree_cpu_s
from coalition.bench.scale.write_path import WritePath, open_write_path
from coalition.signatures.keys import generate_private_key, public_key_pem

Figures = dict[str, Any]

FEW_PARTNERS = 10
MORE_PARTNERS = 60
MANY_PARTNERS = 310
RECALCULATIONS = 4
ADDRESS = (
    "--street",
    "Ring 1",
    "--post-code",
    "10115",
    "--town",
    "Berlin",
    "--country",
    "DE",
    "--vat-id",
    "DE136695976",
)


async def measure_bill(folder: Path) -> Figures:
    """Return the CPU by partner of a window's calculation, and of its documents, in microseconds."""
    few = await _bill(folder / "few", FEW_PARTNERS)
    more = await _bill(folder / "more", MORE_PARTNERS)
    many = await _bill(folder / "many", MANY_PARTNERS, has_documents=False)

    def by_partner_us(one: dict[str, float], other: dict[str, float], step: str, partners: int) -> int:
        return round(max(other[step] - one[step], 0.0) / (partners - FEW_PARTNERS) * 1e6)

    return {
        "calculate_partner_us": by_partner_us(few, many, "calculate_s", MANY_PARTNERS),
        "documents_partner_us": by_partner_us(few, more, "documents_s", MORE_PARTNERS),
        "partners": [FEW_PARTNERS, MORE_PARTNERS, MANY_PARTNERS],
    }


async def _bill(folder: Path, partners: int, *, has_documents: bool = True) -> dict[str, float]:
    """Return the CPU seconds of the steps of a window's bill; each partner issues and redeems."""
    file = _partner_file(folder, partners)
    async with open_write_path(folder, members=200, lanes=4) as path:
        _command(path, folder, ["partner", "import", str(file)])
        _command(path, folder, ["operator", "party", "--legal-name", "Punkte AG", *ADDRESS])
        _command(path, folder, ["partner", "party", "Partner", "--legal-name", "Laden GmbH", *ADDRESS])
        await path.clearing.registry.load()
        for participant in list(path.clearing.registry.participants.values()):
            path.participant = participant
            await path.send([path.message([*path.earns(20), ("burn", path.cards[0], 1)])], in_flight=1)
        _command(path, folder, ["window", "close", "1"])
        _command(path, folder, ["window", "calculate", "1"])
        # A command takes a second to start, which moves by more than a partner takes.
        calculate_s = min(_command(path, folder, ["window", "recalculate", "1"]) for _ in range(RECALCULATIONS))
        if not has_documents:
            return {"calculate_s": calculate_s}
        _command(path, folder, ["window", "approve", "1"])
        documents_s = _command(path, folder, ["window", "invoice", "1"])
        documents_s += _command(path, folder, ["window", "documents", "1", "--output", str(folder / "documents")])
        return {"calculate_s": calculate_s, "documents_s": documents_s}


def _partner_file(folder: Path, partners: int) -> Path:
    folder.mkdir(mode=0o711)
    file = folder / "partners.json"
    file.write_text(json.dumps({"partners": [_partner(number) for number in range(partners)]}))
    return file


def _partner(number: int) -> Figures:
    return {
        "name": f"Shop {number}",
        "key": public_key_pem(generate_private_key().public_key()).decode(),
        "terms": {"service_fee": 0.001, "charge_vat": "S 19 DE", "fee_vat": "S 19 DE", "redemption_vat": "S 19 DE"},
        "party": {
            "legal_name": f"Shop {number} GmbH",
            "street": f"Marktplatz {number}",
            "post_code": "50667",
            "town": "Köln",
            "country": "DE",
            "vat_id": "DE123456789",
        },
    }


def _command(path: WritePath, folder: Path, arguments: list[str]) -> float:
    """Run a command of the operator; return the CPU seconds of it and the database."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COALITION_")}
    before_s = _children_cpu_s() + tree_cpu_s(path.postgres_pid)
    subprocess.run(
        [sys.executable, "-m", "coalition", *arguments],
        env=environment | {"COALITION_DATA_DIR": str(folder)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return _children_cpu_s() + tree_cpu_s(path.postgres_pid) - before_s


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
