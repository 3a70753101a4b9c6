"""`coalition partner import`: many partners at once, with all that is known of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, read_file, run, show
from coalition.operations.import_partners import Section, import_partners, read_partner_file


def add_partner_import(partner_app: typer.Typer, sections: Sequence[Section] = ()) -> None:
    """Add the command to those of partners; entries may have these sections beside what the hub knows."""

    @partner_app.command("import")
    def import_file(
        file: Annotated[Path, typer.Argument(help="JSON: partners with their keys, terms and details.")],
        as_json: AsJson = False,
        data_dir: DataDir = None,
        database_url: DatabaseUrl = None,
    ) -> None:
        """Take in every partner of a file, all or none; every fault is told with its place in the file."""
        content = read_file(file)

        async def work() -> None:
            entries = read_partner_file(content, sections)
            async with open_session(data_dir, database_url) as session:
                added = await import_partners(session.pool, entries, sections, now=now(), actor=session.actor)
            document = [
                {"partner": one.partner, "name": entry.name, "keyid": one.keyid}
                for one, entry in zip(added, entries, strict=True)
            ]
            lines = [f"{one['partner']:>5}  {one['name']}" for one in document]
            text = "\n".join([*lines, f"{len(added):,} partners are taken in."])
            show(document, as_json=as_json, text=text)

        run(work())
