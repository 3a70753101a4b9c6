"""Workbooks (XLSX) that are the same bytes each time, with the looks that all of ours share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import BinaryIO, Final

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from settlement.documents.wording import Language, word

FONT: Final = "Calibri"
_HEAD_COLOUR: Final = "#E8EEF4"


class StyledWorkbook:
    """A workbook being written to `target`, which must be seekable; nothing is there before `close`.

    Texts stay texts: nothing that somebody typed becomes a formula, a link or a number.
    """

    def __init__(self, target: BinaryIO, *, title: str, made_at: datetime, is_streamed: bool = False) -> None:
        options = {
            # Rows go to a file as they come, instead of into memory.
            "constant_memory": is_streamed,
            "in_memory": not is_streamed,
            # Else a sheet of more than 2 GiB would be refused when all of it is written; smaller ones are as without.
            "use_zip64": is_streamed,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self.book = Workbook(target, options)
        # Not the clock's: the same content is the same bytes.
        self.book.set_properties({"title": title, "created": made_at.astimezone(UTC).replace(tzinfo=None)})
        self.text = self._format(num_format="@")
        # A text that is longer than its column is wide; unwrapped it ends where its neighbour begins.
        self.wrapped = self._format(num_format="@", text_wrap=True, valign="top")
        self.bold = self._format(bold=True)
        self.title = self._format(bold=True, font_size=14)
        self.head = self._format(bold=True, bg_color=_HEAD_COLOUR, bottom=1, text_wrap=True, valign="top")
        self.head_right = self._format(
            bold=True, bg_color=_HEAD_COLOUR, bottom=1, text_wrap=True, valign="top", align="right"
        )
        self.count = self._format(num_format="#,##0")
        self.price = self._format(num_format="#,##0.00####")
        self.percent = self._format(num_format="0.00##%")
        self.day = self._format(num_format="yyyy-mm-dd", align="left")
        self.moment = self._format(num_format="yyyy-mm-dd hh:mm:ss", align="left")

    def money(self, minor_units: int, *, bold: bool = False) -> Format:
        """Return the format of amounts of a currency with so many decimals."""
        decimals = "." + "0" * minor_units if minor_units else ""
        return self._format(num_format=f"#,##0{decimals}", bold=bold, top=1 if bold else 0)

    def add_sheet(
        self,
        name: str,
        columns: Sequence[tuple[str, int, bool]],
        *,
        language: Language,
        landscape: bool = True,
    ) -> Worksheet:
        """Add a sheet whose first row says what the columns are: (text, width in characters, is a figure)."""
        sheet = self.book.add_worksheet(name)
        if landscape:
            sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&L&A&R" + word(language, "page", page="&P", pages="&N"))
        for column, (text, width, is_figure) in enumerate(columns):
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, text, self.head_right if is_figure else self.head)
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        return sheet

    def close(self) -> None:
        self.book.close()

    def _format(self, **properties: object) -> Format:
        return self.book.add_format({"font_name": FONT, "font_size": 11, **properties})
