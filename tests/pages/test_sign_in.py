"""Signing in: codes that run out, answers that tell nothing, and what happens without mail."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.async_api import Page

from coalition.config import Settings
from coalition.operations.sign_in import CODE_ATTEMPTS_MAX, CODES_PER_HOUR_MAX, OLD_CODES_DROPPED_MAX
from coalition.pages.sign_in import CODES_FOR_A_BROWSER_PER_HOUR_MAX, WRONG_CODES_PER_HOUR_MAX
from coalition.pages.throttle import Throttle
from tests.pages.conftest import RunningSite, submit
from tests.pages.forms import Forms


async def ask_code(site: RunningSite, page: Page, email: str = "erika@shop.example") -> None:
    await page.goto(site.url)
    await page.fill("#email", email)
    await submit(page)


async def a_minute_passes(site: RunningSite) -> None:
    await site.hub.pool.execute("UPDATE sign_in_code SET sent_at = sent_at - interval '1 minute'")


async def test_wrong_codes_run_out(site: RunningSite, page: Page) -> None:
    """After five wrong tries the right code is void as well."""
    await site.member()
    await ask_code(site, page)
    code = await site.mailbox.next_code()
    wrong = "000000" if code != "000000" else "111111"

    for _ in range(CODE_ATTEMPTS_MAX):
        await page.fill("#code", wrong)
        await submit(page)
    await page.fill("#code", code)
    await submit(page)

    assert "wrong or no longer valid" in await page.inner_text("#fault")
    assert await site.hub.pool.fetchval("SELECT count(*) FROM session") == 0


async def test_a_code_works_once(site: RunningSite) -> None:
    await site.member()
    async with Forms(site.url) as first, Forms(site.url) as second:
        await first.post("/sign-in", email="erika@shop.example")
        code = await site.mailbox.next_code()
        await second.post("/sign-in", email="erika@shop.example")

        assert (await first.post("/sign-in/code", code=f" {code[:3]} {code[3:]} ")).path == "/"
        assert (await second.post("/sign-in/code", code=code)).status == 422


async def test_a_code_is_over_after_its_time(site: RunningSite) -> None:
    await site.member()
    async with Forms(site.url) as forms:
        await forms.post("/sign-in", email="erika@shop.example")
        code = await site.mailbox.next_code()
        await site.hub.pool.execute("UPDATE sign_in_code SET expires_at = now() - interval '1 second'")

        assert (await forms.post("/sign-in/code", code=code)).status == 422


async def test_the_answer_does_not_tell_whether_an_address_is_known(site: RunningSite) -> None:
    """The same pages, word for word, and the same work; only the mail is missing."""
    await site.member("known.x@shop.example")
    seen = []
    for email in ("known.x@shop.example", "unknown@shop.example"):
        async with Forms(site.url) as forms:
            asked = await forms.post("/sign-in", email=email)
            refused = await forms.post("/sign-in/code", code="x")
            seen.append(
                [
                    (page.status, page.path, page.without_token(forms).replace(email, "EMAIL"))
                    for page in (asked, refused)
                ]
            )

    assert seen[0] == seen[1]
    assert str((await site.mailbox.next())["To"]) == "known.x@shop.example"
    assert site.mailbox.mails.empty()
    assert await site.hub.pool.fetchval("SELECT count(*) FROM sign_in_code") == 2


async def test_one_code_a_minute(site: RunningSite) -> None:
    """Whoever asks again at once gets the same page, and no second mail; the first code stays valid."""
    await site.member()
    async with Forms(site.url) as forms:
        await forms.post("/sign-in", email="erika@shop.example")
        code = await site.mailbox.next_code()
        again = await forms.post("/sign-in", email=" Erika@Shop.Example ")
        signed_in = await forms.post("/sign-in/code", code=code)

    assert again.path == "/sign-in/code"
    assert signed_in.path == "/"
    assert site.mailbox.mails.empty()


async def test_only_digests_are_kept(site: RunningSite) -> None:
    """Whoever reads the database can sign in as nobody."""
    await site.member()
    async with Forms(site.url) as forms:
        await forms.post("/sign-in", email="erika@shop.example")
        code = await site.mailbox.next_code()
        kept = str(await site.hub.pool.fetchrow("SELECT * FROM sign_in_code"))
        await forms.post("/sign-in/code", code=code)
        stored = str(await site.hub.pool.fetchrow("SELECT * FROM session"))
        token = forms.cookie("coalition_member")

    assert code not in kept
    assert token
    assert token not in stored


@pytest.mark.parametrize(
    "email", ["", "nobody", "a b@c.example", "a@", "x" * 250 + "@c.example", "a\r\nBcc: x@y.example"]
)
async def test_what_can_be_no_address_is_told_at_the_field(site: RunningSite, email: str) -> None:
    async with Forms(site.url) as forms:
        answer = await forms.post("/sign-in", email=email)

    assert answer.status == 422
    assert 'aria-describedby="fault"' in answer.text
    assert await site.hub.pool.fetchval("SELECT count(*) FROM sign_in_code") == 0


async def test_an_address_beyond_ascii_signs_in(site: RunningSite, page: Page) -> None:
    """Browsers send a domain in another spelling than it is kept in, and would refuse such a name before the @."""
    await site.member("info@bücher.example")
    await ask_code(site, page, "jörg@bücher.example")
    await page.wait_for_selector("#code")

    await site.sign_in(page, "info@bücher.example")


async def test_a_strangers_wrong_codes_leave_the_members_alone(site: RunningSite) -> None:
    """Whoever knows a member's address uses up the tries of his own codes only, also when he forges the cookie."""
    await site.member()
    async with Forms(site.url) as stranger, Forms(site.url) as member:
        await stranger.post("/sign-in", email="erika@shop.example")
        await site.mailbox.next_code()
        await a_minute_passes(site)
        await member.post("/sign-in", email="erika@shop.example")
        code = await site.mailbox.next_code()
        for ticket in (stranger.cookie("coalition_ticket"), "A" * 43):
            stranger.client.cookie_jar.update_cookies({"coalition_ticket": ticket})
            tries = [await stranger.post("/sign-in/code", code="x") for _ in range(20)]
            assert {answer.status for answer in tries} == {422}

        assert (await member.post("/sign-in/code", code=code)).path == "/"


async def test_who_knows_many_members_guesses_no_faster(site: RunningSite) -> None:
    """Wrong codes are counted by address, over all members; right ones never, and other addresses go on."""
    await site.member()
    wrong = Throttle("wrong-code", WRONG_CODES_PER_HOUR_MAX, timedelta(hours=1))
    for _ in range(WRONG_CODES_PER_HOUR_MAX - 1):
        assert not await wrong.take(site.hub.pool, "198.51.100.1", now=site.pages.clock())
    here, elsewhere = {"X-Forwarded-For": "198.51.100.1"}, {"X-Forwarded-For": "198.51.100.2"}
    async with Forms(site.url) as forms:
        await forms.post("/sign-in", email="erika@shop.example")
        code = await site.mailbox.next_code()
        tries = [await forms.post("/sign-in/code", code=tried, headers=here) for tried in ("x", code)]
        assert [answer.status for answer in tries] == [422, 429]
        assert "try again in 60 min" in tries[1].text
        assert (await forms.post("/sign-in/code", code=code, headers=elsewhere)).path == "/"
    assert await wrong.wait_s(site.hub.pool, "198.51.100.2", now=site.pages.clock()) == 0


async def test_a_code_works_only_in_the_browser_that_asked_for_it(site: RunningSite) -> None:
    """Also where the other browser has a code of its own, or none since one was sent just now."""
    await site.member()
    async with Forms(site.url) as first, Forms(site.url) as second, Forms(site.url) as third:
        await first.post("/sign-in", email="erika@shop.example")
        code = await site.mailbox.next_code()
        await second.post("/sign-in", email="erika@shop.example")
        await a_minute_passes(site)
        await third.post("/sign-in", email="erika@shop.example")
        assert await site.mailbox.next_code()

        assert (await second.post("/sign-in/code", code=code)).status == 422
        # One time in a million both codes are the same, and this fails.
        assert (await third.post("/sign-in/code", code=code)).status == 422
        assert (await first.post("/sign-in/code", code=code)).path == "/"


async def test_a_browser_without_a_ticket_is_led_back(site: RunningSite) -> None:
    """The address alone, which anybody may put into a cookie, opens nothing and counts nothing."""
    await site.member()
    async with Forms(site.url) as forms, Forms(site.url) as stranger:
        await forms.post("/sign-in", email="erika@shop.example")
        stranger.client.cookie_jar.update_cookies({"coalition_email": "erika%40shop.example"})
        answer = await stranger.post("/sign-in/code", code=await site.mailbox.next_code())

    assert (answer.status, answer.path) == (200, "/")
    assert await site.hub.pool.fetchval("SELECT attempts FROM sign_in_code") == 0
    assert await site.hub.pool.fetchval("SELECT count(*) FROM session") == 0


async def test_a_ticket_is_kept_from_scripts_other_sites_and_the_database(site: RunningSite) -> None:
    async with Forms(site.url) as forms:
        cookie = (await forms.post("/sign-in", email="erika@shop.example")).cookies["coalition_ticket"]
        kept = await site.hub.pool.fetchrow("SELECT * FROM sign_in_code")

    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert kept is not None
    assert kept["ticket_digest"] == sha256(cookie.value.encode()).digest()
    assert cookie.value not in str(kept)


async def test_an_address_gets_so_many_codes_an_hour(site: RunningSite) -> None:
    """However many browsers ask; they see the same page, and an hour later codes come again."""
    await site.member()
    for number in range(CODES_PER_HOUR_MAX + 2):
        async with Forms(site.url) as forms:
            behind = {"X-Forwarded-For": f"198.51.100.{number}"}
            assert (await forms.post("/sign-in", email="erika@shop.example", headers=behind)).path == "/sign-in/code"
            await a_minute_passes(site)
    assert await site.hub.pool.fetchval("SELECT count(*) FROM sign_in_code") == CODES_PER_HOUR_MAX

    await site.hub.pool.execute("UPDATE sign_in_code SET sent_at = sent_at - interval '1 hour'")
    async with Forms(site.url) as forms:
        await forms.post("/sign-in", email="erika@shop.example")
    assert await site.hub.pool.fetchval("SELECT count(*) FROM sign_in_code") == 1
    for _ in range(CODES_PER_HOUR_MAX + 1):
        await site.mailbox.next()
    assert site.mailbox.mails.empty()


async def test_a_stranger_leaves_codes_for_the_member(site: RunningSite) -> None:
    """What he claims to be makes no difference: only what the proxy saw counts."""
    await site.member()
    for number in range(CODES_PER_HOUR_MAX + 2):
        async with Forms(site.url) as forms:
            behind = {"X-Forwarded-For": f"203.0.113.{number}, 198.51.100.1"}
            assert (await forms.post("/sign-in", email="erika@shop.example", headers=behind)).path == "/sign-in/code"
            await a_minute_passes(site)
    for _ in range(CODES_FOR_A_BROWSER_PER_HOUR_MAX):
        await site.mailbox.next()
    assert site.mailbox.mails.empty()

    async with Forms(site.url) as forms:
        await forms.post("/sign-in", email="erika@shop.example", headers={"X-Forwarded-For": "198.51.100.2"})
        signed_in = await forms.post("/sign-in/code", code=await site.mailbox.next_code())
    assert signed_in.path == "/"


async def test_many_strangers_lock_no_member_out_of_a_browser_that_he_signed_in_with(site: RunningSite) -> None:
    """They use up the codes of browsers that he never signed in with, also by one that is another member's. His own has
    its own, so many an hour; it still needs one, and what it holds for that the database can't tell."""
    await site.member()
    await site.member("max@shop.example")
    async with Forms(site.url) as own, Forms(site.url) as of_max:
        for browser, email in ((own, "erika@shop.example"), (of_max, "max@shop.example")):
            await browser.post("/sign-in", email=email)
            assert (await browser.post("/sign-in/code", code=await site.mailbox.next_code())).path == "/"
            await browser.post("/sign-out")
        for number in range(CODES_PER_HOUR_MAX):
            async with Forms(site.url) as stranger:
                behind = {"X-Forwarded-For": f"198.51.100.{number}"}
                await stranger.post("/sign-in", email="erika@shop.example", headers=behind)
                await site.mailbox.next()
            await a_minute_passes(site)
        seen = [await browser.post("/sign-in", email="erika@shop.example") for browser in (of_max, own)]
        assert {(page.status, page.path) for page in seen} == {(200, "/sign-in/code")}
        assert (await own.post("/sign-in/code", code=await site.mailbox.next_code())).path == "/"
        await own.post("/sign-out")

        for _ in range(CODES_PER_HOUR_MAX + 2):
            await own.post("/sign-in", email="erika@shop.example")
            await a_minute_passes(site)
        known = await site.hub.pool.fetch("SELECT known_browser, count(*) FROM sign_in_code GROUP BY 1 ORDER BY 2")
        token = own.cookie("coalition_known")
    digest = sha256(token.encode()).digest()
    assert {tuple(row) for row in known} == {(None, CODES_PER_HOUR_MAX), (digest, CODES_PER_HOUR_MAX)}
    # The one of before is over: a browser is known by one token.
    assert await site.hub.pool.fetchval("SELECT count(*) FROM known_browser") == 2
    for _ in range(CODES_PER_HOUR_MAX):
        await site.mailbox.next()
    assert site.mailbox.mails.empty()


async def test_codes_asked_for_at_once_are_one(site: RunningSite) -> None:
    await site.member()
    async with AsyncExitStack() as stack:
        browsers = [await stack.enter_async_context(Forms(site.url)) for _ in range(5)]
        await asyncio.gather(*(browser.post("/sign-in", email="erika@shop.example") for browser in browsers))

    assert await site.hub.pool.fetchval("SELECT count(*) FROM sign_in_code") == 1


async def test_who_taps_twice_signs_in_with_the_code_that_came(site: RunningSite) -> None:
    """The browser drops the first answer, and with it the ticket; in another browser the code is worth nothing."""
    await site.member()
    async with Forms(site.url) as phone, Forms(site.url) as stranger:
        before = phone.cookie("coalition_form")
        await phone.post("/sign-in", email="erika@shop.example")
        code = await site.mailbox.next_code()
        ticket = phone.cookie("coalition_ticket")
        phone.client.cookie_jar.clear(lambda cookie: cookie.key == "coalition_ticket")
        await phone.post("/sign-in", email="erika@shop.example")
        await stranger.post("/sign-in", email="erika@shop.example")

        assert (phone.cookie("coalition_form"), phone.cookie("coalition_ticket")) == (before, ticket)
        assert (await stranger.post("/sign-in/code", code=code)).status == 422
        assert (await phone.post("/sign-in/code", code=code)).path == "/"


async def test_old_codes_go_a_few_at_a_time(site: RunningSite) -> None:
    """No request has to clear away what a flood has left."""
    await site.hub.pool.execute(
        "INSERT INTO sign_in_code (ticket_digest, email, code_digest, sent_at, expires_at) "
        "SELECT decode(md5(n::text), 'hex'), n::text, '', now() - interval '2 hours', now() - interval '110 minutes' "
        "FROM generate_series(1, $1) AS n",
        OLD_CODES_DROPPED_MAX + 5,
    )
    left = []
    async with Forms(site.url) as forms:
        for email in ("a@shop.example", "b@shop.example"):
            await forms.post("/sign-in", email=email)
            left.append(await site.hub.pool.fetchval("SELECT count(*) FROM sign_in_code"))

    assert left == [5 + 1, 2]


class TestWithoutMail:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(data_dir=tmp_path)

    async def test_the_page_says_what_to_set(self, site: RunningSite, page: Page) -> None:
        await page.goto(site.url)

        assert "COALITION_SMTP_URL" in await page.inner_text("main")
        assert await page.locator("#email").count() == 0


class TestPrintedCodes:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(data_dir=tmp_path, print_codes=True)

    async def test_a_demo_prints_the_code(self, site: RunningSite, capsys: pytest.CaptureFixture[str]) -> None:
        await site.member()
        async with Forms(site.url) as forms:
            await forms.post("/sign-in", email="erika@shop.example")
            code = capsys.readouterr().out.strip().rpartition(" ")[2]
            assert (await forms.post("/sign-in/code", code=code)).path == "/"


class TestMailServerAway:
    @pytest.fixture
    def settings(self, tmp_path: Path, unused_tcp_port: int) -> Settings:
        return Settings(data_dir=tmp_path, smtp_url=f"smtp://127.0.0.1:{unused_tcp_port}")

    async def test_the_answer_does_not_wait_for_it(self, site: RunningSite) -> None:
        """The page comes as ever; the failure is in the log."""
        await site.member()
        async with Forms(site.url) as forms:
            assert (await forms.post("/sign-in", email="erika@shop.example")).path == "/sign-in/code"
