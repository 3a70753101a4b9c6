"""The Swiss QR-bill as it is drawn: receipt and payment part at the foot of a page, as SIX lays them out (style guide).

0        62                                   210 mm
+--------+-------------------------------------+ 192
| receipt| payment part                        |
|        | QR code 46 x 46    account, payable |
|        |                    to, reference,   |
| amount | amount             payable by       |
+--------+-------------------------------------+ 297
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

import segno
from fpdf.enums import Align

from settlement.documents.figures import grouped
from settlement.documents.letter import Letter
from settlement.documents.typeface import SLIP_FONT_FILES, printable
from settlement.documents.wording import Language, word
from settlement.engine.legal_party import LegalParty
from settlement.engine.payment_slip import SLIP_CHARACTERS, PaymentSlip, slip_code

BLACK: Final = (0, 0, 0)
TYPEFACE: Final = "liberation sans"
TOP: Final = 192.0
MARGIN: Final = 5.0
RECEIPT_WIDTH: Final = 62.0
CODE_LEFT, CODE_TOP, CODE_SIDE = RECEIPT_WIDTH + MARGIN, TOP + 17.0, 46.0
DETAIL_LEFT: Final = 118.0
AMOUNT_TOP: Final = TOP + 68.0
# The cross that tells the code from others: 7 mm, white around black around white.
CROSS_SIDE: Final = 7.0


def draw_slip(letter: Letter, slip: PaymentSlip, language: Language) -> None:
    """Draw a slip at the foot of the letter's last page, or of one of its own where that page has no place for it."""
    if letter.y > TOP - 8:
        letter.add_page()
    letter.keep_foot_for_slip()
    for style, file in SLIP_FONT_FILES.items():
        letter.add_font(TYPEFACE, style, file)
    slip = in_slip_characters(slip)
    letter.set_auto_page_break(False)
    _draw_frame(letter, language)
    _draw_receipt(letter, slip, language)
    _draw_payment_part(letter, slip, language)


def in_slip_characters(slip: PaymentSlip) -> PaymentSlip:
    """Return a slip in the characters that its code may have; others are written without their marks, or as `?`."""
    return replace(
        slip,
        creditor=_in_characters(slip.creditor),
        debtor=_in_characters(slip.debtor),
        message=printable(slip.message, SLIP_CHARACTERS),
    )


def _in_characters(party: LegalParty) -> LegalParty:
    return replace(
        party,
        legal_name=printable(party.legal_name, SLIP_CHARACTERS),
        street=printable(party.street, SLIP_CHARACTERS),
        post_code=printable(party.post_code, SLIP_CHARACTERS),
        town=printable(party.town, SLIP_CHARACTERS),
    )


def _draw_frame(letter: Letter, language: Language) -> None:
    letter.set_draw_color(*BLACK)
    letter.set_line_width(0.15)
    letter.set_dash_pattern(dash=2, gap=1)
    letter.line(0, TOP, 210, TOP)
    letter.line(RECEIPT_WIDTH, TOP, RECEIPT_WIDTH, 297)
    letter.set_dash_pattern()
    _text(letter, MARGIN, TOP - 4.5, word(language, "slip.separate"), size=7, width=200, align=Align.C)


def _draw_receipt(letter: Letter, slip: PaymentSlip, language: Language) -> None:
    left, width = MARGIN, RECEIPT_WIDTH - 2 * MARGIN
    _text(letter, left, TOP + 5, word(language, "slip.receipt"), size=11, style="B", width=width)
    y = TOP + 12
    for key, lines in _details(slip, with_message=False):
        y = _block(letter, left, y, word(language, key), lines, head=6, size=8, width=width)
    _draw_amount(letter, slip, language, left=left, head=6, size=8)
    _text(letter, left, TOP + 82, word(language, "slip.acceptance"), size=6, style="B", width=width, align=Align.R)


def _draw_payment_part(letter: Letter, slip: PaymentSlip, language: Language) -> None:
    _text(letter, CODE_LEFT, TOP + 5, word(language, "slip.title"), size=11, style="B", width=51)
    _draw_code(letter, slip)
    _draw_amount(letter, slip, language, left=CODE_LEFT, head=8, size=10)
    y = TOP + 5
    for key, lines in _details(slip, with_message=True):
        y = _block(letter, DETAIL_LEFT, y, word(language, key), lines, head=8, size=10, width=87)


def _details(slip: PaymentSlip, *, with_message: bool) -> list[tuple[str, list[str]]]:
    details = [
        ("slip.account", [_in_fours(slip.iban), *_address(slip.creditor)]),
        ("slip.reference", [_spaced_reference(slip)]),
    ]
    if with_message:
        details.append(("slip.message", [slip.message]))
    return [*details, ("slip.payable_by", _address(slip.debtor))]


def _draw_amount(
    letter: Letter, slip: PaymentSlip, language: Language, *, left: float, head: float, size: float
) -> None:
    for x, key, text in (
        (left, "slip.currency", slip.currency),
        (left + (12 if head == 6 else 14), "slip.amount", _amount(slip.amount)),
    ):
        _block(letter, x, AMOUNT_TOP, word(language, key), [text], head=head, size=size, width=36)


def _draw_code(letter: Letter, slip: PaymentSlip) -> None:
    # Error correction M, no more: it is what the guidelines prescribe.
    code = segno.make_qr(slip_code(slip), error="M", boost_error=False, encoding="utf-8", version=None)
    rows = [bytes(row) for row in code.matrix]
    module = CODE_SIDE / len(rows)
    letter.set_fill_color(*BLACK)
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            run = 0
            while x + run < len(row) and row[x + run]:
                run += 1
            if run:
                # A run of dark modules is one rectangle, so that no reader draws hairlines between them.
                letter.rect(CODE_LEFT + x * module, CODE_TOP + y * module, run * module, module, style="F")
            x += run or 1
    _draw_cross(letter, CODE_LEFT + (CODE_SIDE - CROSS_SIDE) / 2, CODE_TOP + (CODE_SIDE - CROSS_SIDE) / 2)


def _draw_cross(letter: Letter, x: float, y: float) -> None:
    letter.set_fill_color(255, 255, 255)
    letter.rect(x, y, CROSS_SIDE, CROSS_SIDE, style="F")
    letter.set_fill_color(*BLACK)
    letter.rect(x + 0.5, y + 0.5, 6, 6, style="F")
    letter.set_fill_color(255, 255, 255)
    letter.rect(x + 2.9, y + 1.6, 1.2, 3.8, style="F")
    letter.rect(x + 1.6, y + 2.9, 3.8, 1.2, style="F")


def _block(
    letter: Letter, x: float, y: float, title: str, lines: list[str], *, head: float, size: float, width: float
) -> float:
    """Write a heading and its lines; return where the next block begins."""
    step = size * 0.42
    _text(letter, x, y, title, size=head, style="B", width=width)
    y += step
    for line in lines:
        _text(letter, x, y, line, size=size, width=width)
        y += step
    return y + step * 0.6


def _text(
    letter: Letter,
    x: float,
    y: float,
    text: str,
    *,
    size: float,
    width: float,
    style: str = "",
    align: Align = Align.L,
) -> None:
    letter.pen(size, BLACK, style, typeface=TYPEFACE)
    # Cells have an inner margin, and the layout counts from the letters.
    letter.set_xy(x - letter.c_margin, y)
    letter.text_cell(width + 2 * letter.c_margin, size * 0.42, text, align=align)


def _address(party: LegalParty) -> list[str]:
    return [party.legal_name[:70], party.street, f"{_abroad(party)}{party.post_code} {party.town}"]


def _abroad(party: LegalParty) -> str:
    return "" if party.country == "CH" else f"{party.country}-"


def _spaced_reference(slip: PaymentSlip) -> str:
    if slip.reference_type == "SCOR":
        return _in_fours(slip.reference)
    return " ".join((slip.reference[:2], *(slip.reference[start : start + 5] for start in range(2, 27, 5))))


def _in_fours(text: str) -> str:
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def _amount(amount: Decimal) -> str:
    # With a blank between thousands, in every language.
    return grouped(amount, "en").replace(",", " ")
