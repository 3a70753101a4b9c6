"""The pages' parts without a browser: words, formats, the chart, the counter of tries."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import coalition.pages
import settlement.pages
from coalition.errors import SettingError
from coalition.ledger import decision, result
from coalition.ledger.expiry import ExpiryRule, RuleName
from coalition.ledger.hold import HoldState
from coalition.mail import Post, parse_smtp_url
from coalition.operations.manage_operator import ROLES
from coalition.operations.sign_in import normalised_email
from coalition.pages import wording as member_wording
from coalition.pages.formats import Formats
from coalition.pages.language import LANGUAGES, Language, accepted_language
from coalition.stores.cards import REFUSALS
from coalition.stores.programme import Programme
from settlement.engine.match_payments import TOLD, ReasonCode
from settlement.engine.states import SHARE_STATES, WINDOW_STATES
from settlement.pages import wording as finance_wording
from settlement.pages.nets_chart import nets_chart
from tests.pages.conftest import Mailbox

PROGRAMME = Programme("Points", "EUR", 2, "Europe/Berlin", Decimal("0.01"), 4, ExpiryRule("end_of_month", 36), 30)
NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
# Answered to the partner alone; without a place in the journal no member sees them.
NEVER_JOURNALLED = {"unknown_original", "unknown_card", "certificate_over_limit", "too_many_certificates"}
PLACEHOLDER = re.compile(r"\{[a-z_]+\}")
WORDS = {language: {**member_wording.WORDS[language], **finance_wording.WORDS[language]} for language in LANGUAGES}


def test_every_reason_of_an_unmatched_entry_has_its_words() -> None:
    """With no more values than the reason in English has, which are those that are kept."""
    for code, told in TOLD.items():
        assert set(PLACEHOLDER.findall(WORDS["en"][f"finance.bank.reason.{code}"])) <= set(PLACEHOLDER.findall(told))
    assert TOLD.keys() == set(get_args(ReasonCode))


def test_every_language_has_the_same_words_with_the_same_values() -> None:
    for language in LANGUAGES:
        assert WORDS[language].keys() == WORDS["en"].keys()
        for key, text in WORDS[language].items():
            assert set(PLACEHOLDER.findall(text)) == set(PLACEHOLDER.findall(WORDS["en"][key])), (language, key)
            assert text.strip() == text or key.endswith("mail.text"), (language, key)


def test_every_state_role_kind_and_refusal_has_words() -> None:
    """What the domain can say, a page can say."""
    source = "".join(file.read_text() for file in Path(decision.__file__).parent.glob("*.py"))
    codes = set(re.findall(r'(?:Refusal\(\s*|_refused\(|code=|is_refused else )"([a-z_]+)"', source)) - NEVER_JOURNALLED
    codes |= {code for code in REFUSALS.values() if code is not None} | {"burn_not_permitted"}
    assert codes >= {"insufficient_points", "hold_resolved", "not_a_reserve", "other_account", "too_fast"}
    wanted = {f"refused.{code}" for code in codes}
    wanted |= {f"kind.{kind}" for kind in (*get_args(decision.Kind), *result.OWN_VERDICTS)}
    wanted |= {f"account.hold.{state}_state" for state in get_args(HoldState)}
    wanted |= {f"account.card_state.{state}" for state in REFUSALS if state != "active"}
    wanted |= {f"expiry.rule.{rule}" for rule in get_args(RuleName)}
    wanted |= {f"finance.state.{state}" for state in WINDOW_STATES}
    wanted |= {f"finance.share_state.{state}" for state in SHARE_STATES}
    wanted |= {f"{prefix}.{role}" for role in ROLES for prefix in ("finance.role", "problem.role_missing")}
    assert wanted - WORDS["en"].keys() == set()


def test_templates_use_words_that_are_there() -> None:
    folders = [Path(package.__file__ or "").parent for package in (coalition.pages, settlement.pages)]
    templates = [file for folder in folders for file in folder.rglob("*.html")]
    assert len(templates) > 8
    used = {key for file in templates for key in re.findall(r"\bword\(['\"]([a-z_.]+)['\"][,)]", file.read_text())}
    assert used - WORDS["en"].keys() == set()


@pytest.mark.parametrize(
    ("language", "money", "number", "day", "minute", "month"),
    [
        ("en", "−€1,234.50", "1,234,567", "29 Mar 2026", "29 Mar 2026, 14:00", "March 2026"),
        ("de", "−1.234,50\xa0€", "1.234.567", "29.03.2026", "29.03.2026, 14:00", "März 2026"),
    ],
)
def test_figures_as_people_write_them(
    language: Language, money: str, number: str, day: str, minute: str, month: str
) -> None:
    formats = Formats(language, PROGRAMME)
    assert formats.money(Decimal("-1234.50")) == money
    assert formats.number(1_234_567) == number
    assert formats.day(NOON) == day
    assert formats.minute(NOON) == minute
    assert formats.month(NOON) == month


def test_a_moment_ahead_is_a_time_today_and_a_day_with_its_time_later() -> None:
    formats = Formats("en", PROGRAMME)
    assert formats.until(NOON + timedelta(hours=4), now=NOON) == "18:00"
    assert formats.until(NOON + timedelta(hours=10), now=NOON) == "30 Mar 2026, 00:00"
    assert formats.day_of_year(9, 30) == "30 September"
    assert Formats("de", PROGRAMME).day_of_year(2, 29) == "29. Februar"


def test_days_are_those_of_the_programmes_zone() -> None:
    formats = Formats("en", PROGRAMME)
    assert formats.day(datetime(2026, 11, 20, 23, 30, tzinfo=UTC)) == "21 Nov 2026"
    assert formats.last_day(date(2027, 1, 1)) == "31 Dec 2026"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en;q=0.5, de;q=0.9", "de"),
        ("fr, en;q=0.1", "en"),
        ("fr", "en"),
        ("", "en"),
        (";;;q=x,,de", "de"),
        ("*", "en"),
        ("de" * 5000, "en"),
    ],
)
def test_the_browsers_language(header: str, language: Language) -> None:
    assert accepted_language(header) == language


@given(st.lists(st.tuples(st.text(max_size=5), st.decimals(-(10**9), 10**9, places=2)), max_size=12))
def test_bars_lie_within_the_chart_on_the_side_of_their_sign(nets: list[tuple[str, Decimal]]) -> None:
    chart = nets_chart(nets)

    assert sorted((bar.name, bar.net) for bar in chart.bars) == sorted(nets)
    assert [bar.net for bar in chart.bars] == sorted((net for _, net in nets), reverse=True)
    for bar in chart.bars:
        start, end = (chart.zero, bar.x + bar.width) if bar.net >= 0 else (bar.x, chart.zero)
        assert bar.x == (start if bar.net >= 0 else chart.zero - bar.width)
        assert start <= end
        assert (bar.width > 0) is (bar.net != 0)
        # A cent beside millions is drawn wider than it is, so that it is seen; it may stick out by that.
        assert Decimal("-0.41") <= bar.x
        assert bar.x + bar.width <= Decimal("100.42")


@pytest.mark.parametrize(
    ("typed", "email"),
    [
        (" Erika@Shop.Example ", "erika@shop.example"),
        ("jose\u0301@shop.example", "josé@shop.example"),
        # What a browser makes of bücher.example, and what another sends as it was typed.
        ("info@xn--bcher-kva.example", "info@bücher.example"),
        ("info@BÜCHER.example", "info@bücher.example"),
        ("a@b\x00", None),
        ("@b", None),
        ("x", None),
    ],
)
def test_addresses_are_compared_as_they_are_kept(typed: str, email: str | None) -> None:
    assert normalised_email(typed) == email


def test_a_mail_servers_address() -> None:
    server = parse_smtp_url("smtps://us%40er:p%3Aw@mail.example")
    assert (server.host, server.port, server.user, server.password, server.is_tls) == (
        "mail.example",
        465,
        "us@er",
        "p:w",
        True,
    )
    assert parse_smtp_url("smtp://localhost:2525").port == 2525
    assert "p:w" not in repr(server)


@pytest.mark.parametrize("url", ["mail.example", "http://mail.example", "smtp://", "smtp://user:secret@host:port"])
def test_a_wrong_mail_servers_address_is_told_without_the_password(url: str) -> None:
    with pytest.raises(SettingError, match="COALITION_SMTP_URL") as error:
        parse_smtp_url(url)
    assert "secret" not in str(error.value)


async def test_a_mail_is_written_after_the_answer_that_it_belongs_to(mailbox: Mailbox) -> None:
    """To write one takes longer than to find that there is nobody: the time of an answer must not tell."""
    written: list[str] = []

    class Watched(Post):
        def _compose(self, to: str, subject: str, text: str) -> EmailMessage:
            written.append(to)
            return super()._compose(to, subject, text)

    post = Watched(parse_smtp_url(f"smtp://127.0.0.1:{mailbox.port}"), sender="hub@coalition.example")
    post.send(to="erika@shop.example", subject="A code", text="408173")
    assert written == []
    assert (await mailbox.next())["To"] == "erika@shop.example"
    await post.close()


async def test_an_address_that_the_server_can_never_take_is_refused_for_good(mailbox: Mailbox) -> None:
    """The server takes no SMTPUTF8. A sender that it can't take is a setting, so that is tried again."""
    server = parse_smtp_url(f"smtp://127.0.0.1:{mailbox.port}")
    mail = {"subject": "News", "text": "None."}
    post = Post(server, sender="hub@coalition.example")
    assert await post.deliver(to="jörg@bäckerei.example", **mail) == "refused"
    assert await post.deliver(to="joerg@baeckerei.example", **mail) == "sent"
    assert await Post(server, sender="hüb@coalition.example").deliver(to="joerg@baeckerei.example", **mail) == "failed"
