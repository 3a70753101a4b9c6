"""Every page on a phone, with a keyboard, and for those who hear it instead of seeing it."""

import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page

from coalition.pages.language import LANGUAGES
from tests.pages.conftest import BROWSER_FLAGS, BROWSER_NAMES, PASSWORD, RunningSite, submit
from tests.pages.test_account import eventful_account
from tests.pages.test_finance import NEXT_YEAR, book_window, press

MEMBER_PAGES = ("/", "/history", "/card", "/missing")
FINANCE_PAGES = (
    "/finance",
    "/finance/windows/1",
    "/finance/windows/2",
    # Whose name is one long word.
    "/finance/windows/1/partners/4",
    "/finance/account",
    "/finance/reports",
    "/finance/reports/close",
    "/finance/reports/control",
    "/finance/reports/nets",
    "/finance/reports/points",
    "/finance/terms",
    "/finance/terms/1",
    "/finance/terms/partners/1",
)

# What a page asks of those who can't see it, as (what is wrong, how many).
FAULTS = """() => {
  const named = element => element.getAttribute('aria-label') || element.getAttribute('aria-labelledby')
  const labelled = input => input.labels.length || input.getAttribute('aria-label')
  const faults = {
    'input without label': [...document.querySelectorAll('input:not([type=hidden])')].filter(i => !labelled(i)),
    'button without text': [...document.querySelectorAll('button')].filter(b => !b.textContent.trim()),
    'link without text': [...document.querySelectorAll('a')].filter(a => !a.textContent.trim() && !named(a)),
    'image without text': [...document.querySelectorAll('img')].filter(i => !i.hasAttribute('alt')),
    'svg that is neither hidden nor named': [...document.querySelectorAll('svg')].filter(
      s => s.getAttribute('aria-hidden') !== 'true' && !(s.getAttribute('role') === 'img' && s.querySelector('title'))),
    'heading cell without scope': [...document.querySelectorAll('th')].filter(th => !th.scope),
    'table without headings': [...document.querySelectorAll('table')].filter(t => !t.querySelector('thead th')),
    'region without name': [...document.querySelectorAll('nav')].filter(n => !named(n)),
    'id used twice': [...document.querySelectorAll('[id]')].filter(
      e => document.querySelectorAll('#' + e.id).length > 1),
    'label that leads nowhere': [...document.querySelectorAll('[aria-labelledby], [aria-describedby]')].filter(
      e => ['aria-labelledby', 'aria-describedby'].some(
        a => e.hasAttribute(a) && !document.getElementById(e.getAttribute(a)))),
    'style or script in the page': [...document.querySelectorAll('[style], style, script, [onclick]')],
  }
  const found = Object.entries(faults).filter(([, elements]) => elements.length).map(([fault, e]) => [fault, e.length])
  for (const [tag, count] of [['main', 1], ['h1', 1], ['header', 1], ['html[lang]', 1]])
    if (document.querySelectorAll(tag).length !== count) found.push([tag, document.querySelectorAll(tag).length])
  return found
}"""

# Contrast of every text against what is painted behind it, after WCAG 2: those below 4.5 (3 where the text is large).
PALE_TEXTS = """() => {
  const channels = color => (color.match(/[\\d.]+/g) || []).map(Number)
  const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const style = getComputedStyle(e)
      const gradient = style.backgroundImage.match(/rgb\\([^)]*\\)/)
      if (gradient) return channels(gradient[0])
      const color = channels(style.backgroundColor)
      if (color.length === 3 || color[3] === 1) return color
    }
    return [255, 255, 255]
  }
  const pale = []
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())
    if (!own || element.closest('svg, .hidden, .skip') || !element.offsetParent) continue
    const style = getComputedStyle(element)
    const [a, b] = [luminance(channels(style.color)), luminance(ground(element))]
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    const size = parseFloat(style.fontSize)
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)
    if (ratio < (isLarge ? 3 : 4.5)) pale.push([element.textContent.trim().slice(0, 30), ratio.toFixed(2)])
  }
  return pale
}"""


@pytest.fixture(params=["desk", "phone"])
async def view(request: pytest.FixtureRequest, browser: Browser) -> AsyncIterator[Page]:
    """A browser of a desk's width in light colours, and one of a phone's in dark ones."""
    if request.param == "desk":
        context = await browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    else:
        context = await browser.new_context(
            locale="de-DE", viewport={"width": 375, "height": 740}, is_mobile=True, has_touch=True, color_scheme="dark"
        )
    yield await context.new_page()
    await context.close()


async def look_at(page: Page, url: str) -> None:
    """Judge a page in each language."""
    for language in LANGUAGES:
        await page.goto(f"{url}?language={language}")
        await judge(page, f"{url} {language}")


async def judge(page: Page, place: str) -> None:
    """Judge a page as it stands."""
    assert page.viewport_size is not None
    # Not against window.innerWidth, which grows with what overflows a phone.
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"], (place, "has to be moved sideways", width)
    assert await page.evaluate(FAULTS) == [], place
    assert await page.evaluate(PALE_TEXTS) == [], place


async def test_members_pages(site: RunningSite, view: Page) -> None:
    names = ("Bäckerei Sonnenschein-Oberndorfer", "Donaudampfschifffahrtsgesellschaft", "Kiosk")
    card = await site.member(name="Erika Beispiel-Oberndorfer")
    for name in names:
        shop = await site.hub.shop(name)
        await shop.earn(card, 1_234_567, shop="0042", reference="R-2026-11-21-000000000000000000000000004711")
        await shop.burn(card, 200)
        await shop.burn(card, 999_999_999)
        await shop.operate("reserve", card, points=123_456, timeout_s=7 * 24 * 3600)
    await look_at(view, f"{site.url}/")
    await view.fill("#email", "somebody@shop.example")
    await submit(view)
    await look_at(view, f"{site.url}/sign-in/code")

    await site.sign_in(view)

    for path in MEMBER_PAGES:
        await look_at(view, f"{site.url}{path}")


async def test_a_phone_with_letters_of_twice_the_size(site: RunningSite, browser: Browser) -> None:
    """Nothing leaves the screen, or a dark ground on which alone it can be read."""
    shop = await site.hub.shop("Donaudampfschifffahrtsgesellschaft")
    await shop.earn(await site.member(), 1_234_567)
    program = next(filter(None, map(shutil.which, BROWSER_NAMES)))
    flags = [*BROWSER_FLAGS, "--blink-settings=defaultFontSize=32"]
    async with await browser.browser_type.launch(executable_path=program, args=flags) as large:
        page = await large.new_page(locale="en-GB", viewport={"width": 375, "height": 740})
        await site.sign_in(page)
        for path in MEMBER_PAGES:
            await look_at(page, f"{site.url}{path}")
            widest = await page.evaluate(
                "Math.max(...[...document.querySelectorAll('.panel *')].map(e => e.getBoundingClientRect().right))"
            )
            assert widest <= 375, path


async def test_finance_pages(site: RunningSite, view: Page) -> None:
    await book_window(site)
    await site.hub.shop("Donaudampfschifffahrtsgesellschaft", platform_fee="1234567.89")
    await site.operator("ada", "operate", "approve")
    await look_at(view, f"{site.url}/finance/sign-in")
    await site.sign_in_operator(view, "ada")
    await view.goto(f"{site.url}/finance/windows/1")
    await submit(view)
    await submit(view)
    await view.goto(f"{site.url}/finance/terms/partners/1")
    await view.fill("#issue_price", "dear")
    await submit(view)
    await judge(view, "terms as typed wrong")
    await view.fill("#issue_price", "0,0095")
    await view.select_option("#funding", "issuer_pays")
    await view.fill("#valid_from", f"{NEXT_YEAR}-01-01")
    await submit(view)

    for path in FINANCE_PAGES:
        await look_at(view, f"{site.url}{path}")


async def test_an_account_explained(site: RunningSite, view: Page) -> None:
    """It is posted, so it is judged as it stands: with lots used up and not, a debt, holds, long names and a fault."""
    card = await eventful_account(site)
    await site.operator("ada", "read")
    shop = await site.hub.shop("Donaudampfschifffahrtsgesellschaft")
    await shop.earn(card, 1_000_000_000, shop="0042", reference="R-2026-11-21-000000000000000000000000004711")
    await shop.operate("reserve", card, points=999_999, shop="0042", timeout_s=7 * 24 * 3600)
    await site.sign_in_operator(view, "ada")
    for language in LANGUAGES:
        await view.goto(f"{site.url}/finance/account?language={language}")
        for typed in ("nothing!", card):
            await view.fill("#card", typed)
            await submit(view)
            await judge(view, f"account {language} {typed}")
        assert await view.locator(".lot").count() == 5


async def test_signing_in_with_the_keyboard_alone(site: RunningSite, page: Page) -> None:
    """The first key leads past the menu, each stop is seen, and the forms are sent with Enter."""
    await site.member()
    await page.goto(site.url)
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.getAttribute('href')") == "#content"
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.id") == "email"
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    await page.keyboard.type("erika@shop.example")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#code:focus")
    await page.keyboard.type(await site.mailbox.next_code())
    await page.keyboard.press("Enter")

    await page.wait_for_selector("#balance")


async def test_pages_work_without_scripts(site: RunningSite, browser: Browser) -> None:
    await site.operator("ada", "operate")
    context = await browser.new_context(java_script_enabled=False, locale="en-GB")
    page = await context.new_page()
    await page.goto(f"{site.url}/finance")
    await page.fill("#name", "ada")
    await page.fill("#password", PASSWORD)
    await submit(page)
    await submit(page, "text=Look at window 1")
    await press(page, "Close window 1")

    assert await page.inner_text("h1 .state") == "Closed"
    await context.close()
