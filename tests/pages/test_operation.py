"""An operator looks at one record: its lots, and the message behind it, verified again on the spot."""

import base64
import hashlib
import json

import pytest
from playwright.async_api import Page

from coalition.operations.verify_message import fault_of_message
from coalition.signatures.keys import load_public_key
from coalition.stores.check import CheckedMessage
from tests.pages.conftest import PASSWORD, RunningSite, submit
from tests.pages.forms import Forms
from tests.pages.test_account import eventful_account
from tests.pages.test_member_journey import texts


async def test_a_record_shows_its_signed_message_and_leads_to_the_sale(site: RunningSite, page: Page) -> None:
    """From a burn by its lots to the earn behind it; the evidence that is downloaded verifies without the hub."""
    await eventful_account(site)
    burn = await site.hub.pool.fetchrow("SELECT lane, leaf FROM journal WHERE kind = 'burn' AND code IS NULL")
    assert burn is not None
    await site.operator("ada", "read")
    await site.sign_in_operator(page, "ada")

    await page.goto(f"{site.url}/finance/operations/{burn['lane']}/{burn['leaf']}")

    assert await page.inner_text(".verdict") == "✓ Signature holds"
    assert json.loads(await page.inner_text("#part"))["points"] == 500
    assert sorted(await texts(page, "#lots td:last-child")) == ["−380", "−40", "−80"]
    async with page.expect_download() as waiting:
        await page.click("text=Evidence, to verify elsewhere")
    evidence = json.loads((await (await waiting.value).path()).read_bytes())
    body = base64.b64decode(evidence["body_base64"])
    message = CheckedMessage(
        partner=0,
        digest=hashlib.sha256(body).digest(),
        authority=evidence["authority"],
        target=evidence["target"],
        signature_input=evidence["signature_input"],
        signature=evidence["signature"],
        content_digest=evidence["content_digest"],
        body=body,
        public_key=load_public_key(evidence["public_key"].encode()).public_bytes_raw(),
    )
    assert fault_of_message(message) is None
    assert fault_of_message(message._replace(body=body + b" ")) is not None
    await submit(page, "#lots a >> nth=0")
    assert json.loads(await page.inner_text("#part"))["type"] == "earn"


async def test_a_message_that_was_changed_is_told(site: RunningSite) -> None:
    await eventful_account(site)
    pool = site.hub.pool
    lane, leaf = tuple(await pool.fetchrow("SELECT lane, leaf FROM journal WHERE kind = 'capture'") or ())
    await pool.execute("UPDATE message SET body = replace(encode(body, 'escape'), '650', '651')::bytea")
    await site.operator("ada", "read")
    async with Forms(site.url) as forms:
        await forms.get("/finance/sign-in")
        await forms.post("/finance/sign-in", name="ada", password=PASSWORD)
        answer = await forms.get(f"/finance/operations/{lane}/{leaf}")

    assert "Signature does not hold" in answer.text


@pytest.mark.parametrize("place", ["0/999999", "9999/0", "x/0", "0/99999999999999999999", "0/0/message"])
async def test_a_record_that_is_not_there_is_told_on_a_page(site: RunningSite, place: str) -> None:
    await site.operator("ada", "read")
    async with Forms(site.url) as forms:
        await forms.get("/finance/sign-in")
        await forms.post("/finance/sign-in", name="ada", password=PASSWORD)
        answer = await forms.get(f"/finance/operations/{place}")

    assert answer.status == 404
    assert "There is no such record." in answer.text
