"""Signing in: codes that run out, answers that tell nothing, and what happens without mail."""

from pathlib import Path

import pytest
from playwright.async_api import Page

from coalition.config import Settings
from coalition.operations.sign_in import CODE_ATTEMPTS_MAX
from tests.pages.conftest import RunningSite, submit
from tests.pages.forms import Forms


async def ask_code(site: RunningSite, page: Page, email: str = "erika@shop.example") -> None:
    await page.goto(site.url)
    await page.fill("#email", email)
    await submit(page)


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


async def test_too_many_wrong_codes_for_one_address_have_to_wait(site: RunningSite) -> None:
    """New codes don't help somebody who guesses: wrong tries are counted by address, over all codes."""
    async with Forms(site.url) as forms:
        await forms.post("/sign-in", email="victim@shop.example")
        statuses = [(await forms.post("/sign-in/code", code="1")).status for _ in range(22)]
        answer = await forms.post("/sign-in/code", code="1")

    assert statuses == [422] * 20 + [429] * 2
    assert int(answer.headers["Retry-After"]) > 0


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
