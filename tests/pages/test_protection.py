"""What keeps others out: forged forms, cookies, headers, and names that carry markup."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Page
from structlog.testing import capture_logs
from yarl import URL

from coalition.config import Settings
from coalition.pages.door import SECURITY_HEADERS
from coalition.stores.sessions import Area
from tests.pages.conftest import PASSWORD, RunningSite
from tests.pages.forms import Forms
from tests.pages.test_finance import press
from tests.pages.test_member_journey import texts

MARKUP = "<img src=x onerror=\"document.title='owned'\"><b>Shop</b>"


async def test_a_form_without_the_pages_token_is_refused(site: RunningSite) -> None:
    await site.member()
    async with Forms(site.url) as forms, Forms(site.url) as stranger:
        for token in ("", "x", stranger.token):
            answer = await forms.post("/sign-in", email="erika@shop.example", csrf_token=token)
            assert (answer.status, "no longer valid" in answer.text) == (403, True)
    assert await site.hub.pool.fetchval("SELECT count(*) FROM sign_in_code") == 0


async def test_a_form_of_a_session_that_has_ended_leads_to_the_sign_in(site: RunningSite) -> None:
    """Signed out in another tab, or by time: nothing is taken, and reloading the page would not help."""
    await site.operator("ada", "operate")
    async with Forms(site.url) as forms:
        await forms.get("/finance/sign-in")
        await forms.post("/finance/sign-in", name="ada", password=PASSWORD)
        token = (await forms.get("/finance")) and forms.token
        await forms.post("/finance/sign-out")
        late = await forms.post("/finance/windows/1/close", csrf_token=token)
        assert (late.status, "no longer signed in" in late.text) == (403, True)
        assert '<a class="button" href="/finance/sign-in">Sign in</a>' in late.text
    assert await site.hub.pool.fetchval("SELECT state FROM clearing_window WHERE window_no = 1") == "OPEN"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[::1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_form_from_elsewhere_is_refused_even_with_the_token(site: RunningSite, headers: dict[str, str]) -> None:
    async with Forms(site.url) as forms:
        assert (await forms.post("/sign-in", headers=headers, email="erika@shop.example")).status == 403
        assert (await forms.post("/sign-in", headers={"Origin": site.url}, email="erika@shop.example")).status == 200


@pytest.mark.parametrize(
    ("content_type", "more"),
    [
        ("application/x-www-form-urlencoded", "&email=a%00b@shop.example"),
        ("application/x-www-form-urlencoded; charset=foo", ""),
        ("application/x-www-form-urlencoded; charset=unicode_escape", "&email=\\ud800@shop.example"),
        ("multipart/form-data", ""),
        ("multipart/form-data; boundary=x", ""),
    ],
)
async def test_a_form_that_can_not_be_read_is_told_so(site: RunningSite, content_type: str, more: str) -> None:
    async with Forms(site.url) as forms:
        await forms.get("/")
        body = f"csrf_token={forms.token}{more}".encode()
        answer = await forms.client.post(f"{site.url}/sign-in", data=body, headers={"Content-Type": content_type})
        assert (answer.status, "could not be understood" in await answer.text()) == (400, True)


async def test_cookies_of_any_bytes_are_cookies_that_nobody_has(site: RunningSite) -> None:
    """Each of ours, where it is read: no text that a page, a digest or the database could not hold gets so far."""
    names = ("member", "finance", "language", "language_chosen", "form", "ticket", "email", "known")
    host, port = site.hub.authority.split(":")
    token = "A" * 43
    form = f"csrf_token={token}&email=erika@shop.example&code=1".encode()
    for name in names:
        # A browser has a token for its forms; all else may be as one likes.
        rest = b"" if name == "form" else b"; coalition_form=" + token.encode()
        for line in (b"GET /", b"GET /history", b"GET /sign-in/code", b"POST /sign-in", b"POST /sign-in/code"):
            body = form if line.startswith(b"POST") else b""
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(line + b" HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n")
            writer.write(b"Cookie: coalition_" + name.encode() + b"=a\xff@b.example" + rest + b"\r\n")
            writer.write(b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(body))
            writer.write(body)
            status = (await reader.readline()).split()[1]
            writer.close()
            assert status in (b"200", b"303", b"403", b"422"), (name, line)


async def test_an_address_with_a_null_character_is_no_page(site: RunningSite) -> None:
    await site.operator("ada", "read")
    async with Forms(site.url) as forms:
        await forms.get("/finance/sign-in")
        await forms.post("/finance/sign-in", name="ada", password=PASSWORD)
        assert (await forms.get("/finance/windows/1/documents/INV%00.pdf")).status == 404


async def test_an_address_that_leads_nowhere_is_told_to_people_as_a_page(site: RunningSite) -> None:
    """And to programs as all they are told, with what else may be done at an address that is theirs."""
    await site.operator("ada", "read")
    async with Forms(site.url) as forms:
        for path in ("/nothing", "/history/", "/finance/windows/1/x/y"):
            if path.startswith("/finance"):
                await forms.get("/finance/sign-in")
                await forms.post("/finance/sign-in", name="ada", password=PASSWORD)
            answer = await forms.get(path)
            assert (answer.status, "There is no such page" in answer.text) == (404, True)
        for path, status in (("/v1/nothing", 404), ("/v1/messages", 405)):
            async with forms.client.get(site.url + path) as told:
                assert (told.status, told.content_type) == (status, "application/problem+json")


async def test_an_address_in_the_log_steers_no_terminal(site: RunningSite) -> None:
    async with Forms(site.url) as forms:
        with capture_logs() as logs:
            await forms.get("/%1B%5B31mred")

    assert [log["path"] for log in logs if log["event"] == "page.refused"] == ["/%1B%5B31mred"]


async def test_the_token_of_before_signing_in_is_worth_nothing_after(site: RunningSite) -> None:
    await site.operator("ada", "operate")
    async with Forms(site.url) as forms:
        await forms.get("/finance/sign-in")
        before = forms.token
        await forms.post("/finance/sign-in", name="ada", password=PASSWORD)
        refused = await forms.post("/finance/windows/1/close", csrf_token=before)

    assert refused.status == 403
    assert await site.hub.pool.fetchval("SELECT count(*) FROM window_move") == 0


@pytest.mark.parametrize(("area", "path"), [("member", "/history"), ("member", "/card"), ("finance", "/finance")])
async def test_a_made_up_session_leads_to_the_sign_in(site: RunningSite, area: Area, path: str) -> None:
    for token in ("x", "A" * 43, "'; DROP TABLE session; --"):
        async with Forms(site.url) as forms:
            answer = await forms.get(path, cookies={f"coalition_{area}": token})
            assert answer.path in ("/", "/finance/sign-in")


async def test_a_session_of_one_area_opens_no_other(site: RunningSite) -> None:
    await site.member()
    async with Forms(site.url) as forms:
        await forms.post("/sign-in", email="erika@shop.example")
        await forms.post("/sign-in/code", code=await site.mailbox.next_code())
        token = forms.cookie("coalition_member")
        assert (await forms.get("/finance", cookies={"coalition_finance": token})).path == "/finance/sign-in"


async def test_every_page_carries_the_headers_that_protect_it(site: RunningSite) -> None:
    async with Forms(site.url) as forms:
        for answer in (
            await forms.get("/"),
            await forms.get("/finance/sign-in"),
            await forms.post("/sign-in", email=""),
        ):
            assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "script-src" not in SECURITY_HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in SECURITY_HEADERS["Content-Security-Policy"]


async def test_a_sessions_cookie_is_out_of_reach_of_scripts_and_other_sites(site: RunningSite) -> None:
    await site.operator("ada", "read")
    async with Forms(site.url) as forms:
        await forms.get("/finance/sign-in")
        cookie = (await forms.post("/finance/sign-in", name="ada", password=PASSWORD)).cookies["coalition_finance"]

    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"]) == (True, "Lax", "/", "")


class TestBehindTls:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(data_dir=tmp_path, public_url="https://points.example", print_codes=True)

    async def test_cookies_are_secure_and_browsers_stay_on_tls(self, site: RunningSite) -> None:
        async with Forms(site.url) as forms:
            answer = await forms.get("/")
            assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
            assert {name[:7] for name in answer.cookies} <= {"__Host-"}
            first = (await forms.client.get(f"{site.url}/")).cookies["__Host-coalition_form"]
            assert first["secure"] is True

    async def test_forms_from_the_public_address_are_taken(self, site: RunningSite) -> None:
        """A proxy may call the hub by another name than people do."""
        async with Forms(site.url) as forms:
            cookies = {"__Host-coalition_form": "A" * 43}
            for origin, status in (("https://points.example", 303), ("https://evil.example", 403)):
                async with forms.client.post(
                    f"{site.url}/sign-in",
                    data={"csrf_token": "A" * 43, "email": "erika@shop.example"},
                    headers={"Origin": origin},
                    cookies=cookies,
                    allow_redirects=False,
                ) as answer:
                    assert answer.status == status


async def test_markup_in_names_is_inert(site: RunningSite, page: Page) -> None:
    """Partners, shops, receipts and members may be named as they like: it is read, never run."""
    shop = await site.hub.shop(MARKUP)
    card = await site.member(name=MARKUP)
    await shop.earn(card, 100, shop="<script>x</script>", reference="'\"><svg onload=x>")
    await site.sign_in(page)
    await page.goto(f"{site.url}/history")
    assert await texts(page, ".history .what") == [f"Collected at {MARKUP}"]
    assert await texts(page, ".history .details") == ["Shop <script>x</script> · Receipt '\"><svg onload=x>"]
    await page.goto(f"{site.url}/card")
    assert await page.inner_text(".card-holder") == MARKUP

    await site.operator("ada", "operate")
    await site.sign_in_operator(page, "ada")
    await page.goto(f"{site.url}/finance/windows/1")
    await press(page, "Close")
    await press(page, "Calculate")

    assert await texts(page, ".net-name") == [MARKUP]
    assert await page.locator("main img, main b, main script").count() == 0
    assert await page.title() != "owned"


async def test_addresses_lead_nowhere_else(site: RunningSite) -> None:
    """Changing the language sends the browser to the same page of the same host."""
    async with Forms(site.url) as forms:
        async with forms.client.get(f"{site.url}/?language=de&x=//evil.example", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/?x=%2F%2Fevil.example")
        async with forms.client.get(f"{site.url}//evil.example/?language=de", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/evil.example/")
        # Browsers read \\ as / in a Location, and write none themselves.
        address = URL(f"{site.url}/\\evil.example/?language=de", encoded=True)
        async with forms.client.get(address, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/evil.example/")


async def test_files_are_kept_by_browsers_and_nothing_else_is_served(site: RunningSite) -> None:
    async with Forms(site.url) as forms:
        assert "immutable" in (await forms.get("/assets/pages.css")).headers["Cache-Control"]
        assert (await forms.get("/assets/..%2Fsite.py")).status == 404
        assert (await forms.get("/assets/wording.py")).status == 404
