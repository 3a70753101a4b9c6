"""Who the demo's operator and partners are in law: invented names, addresses and VAT ids, as invoices need them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoParty:
    """A company in Germany."""

    legal_name: str
    street: str
    post_code: str
    town: str
    vat_id: str
    email: str

    def options(self) -> tuple[str, ...]:
        """Return them as the commands `operator party` and `partner party` take them."""
        return (
            *("--legal-name", self.legal_name),
            *("--street", self.street, "--post-code", self.post_code, "--town", self.town, "--country", "DE"),
            *("--vat-id", self.vat_id, "--email", self.email, "--language", "de"),
        )


OPERATOR = DemoParty(
    "Punktekreis Betriebs-GmbH", "Hafenstraße 12", "20457", "Hamburg", "DE811100001", "rechnung@punktekreis.example"
)
PARTIES = {
    "auenmarkt": DemoParty(
        "Auenmarkt Handels-GmbH", "Auenweg 4", "50668", "Köln", "DE811100101", "buchhaltung@auenmarkt.example"
    ),
    "talhof": DemoParty(
        "Talhof Supermärkte KG", "Talstraße 88", "70188", "Stuttgart", "DE811100102", "buchhaltung@talhof.example"
    ),
    "hansekorb": DemoParty(
        "Hansekorb eG", "Am Speicher 7", "23552", "Lübeck", "DE811100103", "buchhaltung@hansekorb.example"
    ),
    "morgentau": DemoParty(
        "Drogerie Morgentau GmbH", "Lindenallee 21", "04105", "Leipzig", "DE811100104", "rechnung@morgentau.example"
    ),
    "quellgrund": DemoParty(
        "Reformhaus Quellgrund OHG", "Quellgasse 3", "79098", "Freiburg", "DE811100105", "post@quellgrund.example"
    ),
    "meilenstein": DemoParty(
        "Meilenstein Tankstellen GmbH & Co. KG", "Ringstraße 140", "44139", "Dortmund", "DE811100106",
        "kreditoren@meilenstein.example",
    ),
    "hollerbach": DemoParty(
        "Metzgerei Hollerbach GmbH", "Marktplatz 2", "97070", "Würzburg", "DE811100107", "buero@hollerbach.example"
    ),
    "delmare": DemoParty(
        "Feinkost Delmare GmbH", "Fischmarkt 9", "28195", "Bremen", "DE811100108", "amministrazione@delmare.example"
    ),
    "morgenrot": DemoParty(
        "Bäckerei Morgenrot e. K.", "Ofenstraße 15", "37073", "Göttingen", "DE811100109", "backstube@morgenrot.example"
    ),
    "rosenau": DemoParty(
        "Rosenau Blumen & Garten GmbH", "Gärtnerweg 31", "99084", "Erfurt", "DE811100110", "buero@rosenau.example"
    ),
    "pfotenland": DemoParty(
        "Pfotenland Tierbedarf AG", "Industriestraße 50", "90441", "Nürnberg", "DE811100111",
        "rechnung@pfotenland.example",
    ),
    "papierkiste": DemoParty(
        "Papierkiste GmbH", "Schulstraße 6", "18055", "Rostock", "DE811100112", "buchhaltung@papierkiste.example"
    ),
}  # fmt: skip
