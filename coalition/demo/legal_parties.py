"""Who the demo's operator and partners are in law, and where they are paid: all invented, as documents need it.

The accounts are of a bank code that no bank has.
"""

from dataclasses import dataclass
from typing import Any

CREDITOR_ID = "DE98ZZZ09999999999"
MANDATE_SIGNED_ON = "2024-01-15"


@dataclass(frozen=True, slots=True)
class DemoParty:
    """A company in Germany."""

    legal_name: str
    street: str
    post_code: str
    town: str
    vat_id: str
    iban: str
    email: str

    def options(self) -> tuple[str, ...]:
        """Return them as the command `operator party` takes them."""
        return (
            *("--legal-name", self.legal_name),
            *("--street", self.street, "--post-code", self.post_code, "--town", self.town, "--country", "DE"),
            *("--vat-id", self.vat_id, "--email", self.email, "--language", "de"),
        )

    def party_section(self) -> dict[str, Any]:
        """Return them as `partner import` takes them."""
        return {
            "legal_name": self.legal_name,
            "street": self.street,
            "post_code": self.post_code,
            "town": self.town,
            "country": "DE",
            "vat_id": self.vat_id,
            "email": self.email,
            "language": "de",
        }

    def bank_section(self, slug: str) -> dict[str, Any]:
        """Return its account with the mandate by which it is debited, likewise."""
        mandate = {"id": f"PK-{slug.upper()}", "signed_on": MANDATE_SIGNED_ON, "scheme": "B2B"}
        return {"iban": self.iban, "mandate": mandate}


OPERATOR = DemoParty(
    "Punktekreis Betriebs-GmbH",
    "Hafenstraße 12",
    "20457",
    "Hamburg",
    "DE811100001",
    "DE49990000000000001000",
    "rechnung@punktekreis.example",
)
PARTIES = {
    "auenmarkt": DemoParty(
        "Auenmarkt Handels-GmbH", "Auenweg 4", "50668", "Köln", "DE811100101",
        "DE22990000000000001001", "buchhaltung@auenmarkt.example",
    ),
    "talhof": DemoParty(
        "Talhof Supermärkte KG", "Talstraße 88", "70188", "Stuttgart", "DE811100102",
        "DE92990000000000001002", "buchhaltung@talhof.example",
    ),
    "hansekorb": DemoParty(
        "Hansekorb eG", "Am Speicher 7", "23552", "Lübeck", "DE811100103",
        "DE65990000000000001003", "buchhaltung@hansekorb.example",
    ),
    "morgentau": DemoParty(
        "Drogerie Morgentau GmbH", "Lindenallee 21", "04105", "Leipzig", "DE811100104",
        "DE38990000000000001004", "rechnung@morgentau.example",
    ),
    "quellgrund": DemoParty(
        "Reformhaus Quellgrund OHG", "Quellgasse 3", "79098", "Freiburg", "DE811100105",
        "DE11990000000000001005", "post@quellgrund.example",
    ),
    "meilenstein": DemoParty(
        "Meilenstein Tankstellen GmbH & Co. KG", "Ringstraße 140", "44139", "Dortmund", "DE811100106",
        "DE81990000000000001006", "kreditoren@meilenstein.example",
    ),
    "hollerbach": DemoParty(
        "Metzgerei Hollerbach GmbH", "Marktplatz 2", "97070", "Würzburg", "DE811100107",
        "DE54990000000000001007", "buero@hollerbach.example",
    ),
    "delmare": DemoParty(
        "Feinkost Delmare GmbH", "Fischmarkt 9", "28195", "Bremen", "DE811100108",
        "DE27990000000000001008", "amministrazione@delmare.example",
    ),
    "morgenrot": DemoParty(
        "Bäckerei Morgenrot e. K.", "Ofenstraße 15", "37073", "Göttingen", "DE811100109",
        "DE97990000000000001009", "backstube@morgenrot.example",
    ),
    "rosenau": DemoParty(
        "Rosenau Blumen & Garten GmbH", "Gärtnerweg 31", "99084", "Erfurt", "DE811100110",
        "DE70990000000000001010", "buero@rosenau.example",
    ),
    "pfotenland": DemoParty(
        "Pfotenland Tierbedarf AG", "Industriestraße 50", "90441", "Nürnberg", "DE811100111",
        "DE43990000000000001011", "rechnung@pfotenland.example",
    ),
    "papierkiste": DemoParty(
        "Papierkiste GmbH", "Schulstraße 6", "18055", "Rostock", "DE811100112",
        "DE16990000000000001012", "buchhaltung@papierkiste.example",
    ),
}  # fmt: skip
