"""The calls of a till, against a hub over HTTP that signs with a third-party library."""

from datetime import UTC, date, datetime

import pytest

from partner_sdk import (
    AddressInvalidError,
    Burn,
    Coalition,
    Earn,
    InvalidOperationError,
    MessageRejectedError,
    NotAuthorizedError,
    OutboxError,
    Purchase,
    RefusedError,
    new_operation_id,
)

CARD = "2760 0000 0001 8"


async def test_earn_returns_the_booked_result(connect, signing_hub):
    async with connect() as hub:
        result = await hub.earn(card=CARD, points=120, shop="0042", till="3", reference="4711")
    assert result.is_booked
    assert (result.points, result.balance, result.available, result.window) == (120, 120, 120, 1)
    sent = signing_hub.operations()
    assert [(one["type"], one["shop"], one["points"]) for one in sent] == [("earn", "0042", 120)]


async def test_earn_without_points_carries_the_purchase(connect, signing_hub):
    async with connect() as hub:
        await hub.earn(card=CARD, purchase=Purchase(amount="59.90", currency="EUR"))
    [sent] = signing_hub.operations()
    assert "points" not in sent
    assert sent["purchase"] == {"amount": "59.90", "currency": "EUR", "lines": []}


async def test_a_refusal_raises_with_what_is_available(connect):
    async with connect() as hub:
        await hub.earn(card=CARD, points=310)
        with pytest.raises(RefusedError) as refusal:
            await hub.burn(card=CARD, points=500)
        assert (refusal.value.code, refusal.value.available) == ("insufficient_points", 310)
        assert refusal.value.__notes__ == ["burn or reserve at most what is available, and take the rest in money"]
        assert not refusal.value.is_retryable
        assert (await hub.flush()).waiting == 0


async def test_every_kind_of_operation_goes_out_with_its_own_fields(connect, signing_hub):
    other = new_operation_id()
    async with connect() as hub:
        await hub.earn(card=CARD, points=500)
        await hub.reserve(card=CARD, points=5, timeout_s=900)
        await hub.capture(card=CARD, reserve_id=other, points=4)
        await hub.release(card=CARD, reserve_id=other)
        await hub.reverse(card=CARD, operation_id=other)
    sent = {one["type"]: one for one in signing_hub.operations()}
    assert sent["reserve"]["timeout_s"] == 900
    assert sent["capture"]["reserve_id"] == sent["release"]["reserve_id"] == other
    assert sent["reverse"]["operation_id"] == other
    assert "points" not in sent["reverse"]


async def test_an_invalid_operation_is_neither_saved_nor_sent(connect, signing_hub):
    async with connect() as hub:
        with pytest.raises(InvalidOperationError, match="points"):
            await hub.earn(card=CARD, points=0)
        assert (await hub.flush()).answered == 0
    assert signing_hub.bodies == []


async def test_the_same_id_is_answered_from_what_was_kept(connect, signing_hub):
    """A till that does not know whether its call went through makes it again with the id it chose."""
    operation = Earn(card=CARD, points=5)
    given = {"id": operation.id, "occurred_at": operation.occurred_at}
    async with connect() as hub:
        first = await hub.earn(card=CARD, points=5, **given)
        again = await hub.earn(card=CARD, points=5, **given)
    assert again == first
    assert len(signing_hub.bodies) == 1


async def test_an_operation_that_makes_the_message_invalid_is_rejected_and_named(connect, signing_hub):
    bad = new_operation_id()
    signing_hub.bad_ids.add(bad)
    async with connect() as hub:
        with pytest.raises(MessageRejectedError) as rejection:
            await hub.earn(card=CARD, points=5, id=bad)
        [fault] = rejection.value.faults
        assert (fault.field, fault.reason) == (
            "operations.0.occurred_at",
            "expected at most 400 days back, got 2020-01-01",
        )
        assert str(rejection.value) == f"422 message_invalid: bad: {fault}"
        assert "outbox retry" in rejection.value.__notes__[0]
        assert rejection.value.receipt is not None
        assert (await hub.earn(card=CARD, points=5)).is_booked
        assert len(signing_hub.operations()) == 2


async def test_balance_is_typed_and_its_card_quoted(connect):
    async with connect() as hub:
        await hub.earn(card=CARD, points=120)
        balance = await hub.balance(CARD)
    assert (balance.card, balance.balance, balance.available, balance.held) == (CARD, 120, 120, 0)
    assert [(str(expiry.on), expiry.points) for expiry in balance.expiries] == [("2029-09-30", 120)]


async def test_a_card_that_is_a_number_is_told_to_be_text(connect):
    async with connect() as hub:
        for ask in (lambda: hub.balance(2760000000018), lambda: hub.operation(7)):
            with pytest.raises(TypeError, match="expected text, got int: cards and ids are text"):
                await ask()


async def test_what_is_open_is_not_opened_again_over_it(connect):
    """Else the first outbox and its connections would be left open, and the inner block would close for the outer."""
    async with connect() as hub:
        with pytest.raises(OutboxError, match="open already"):
            async with hub:
                pass
        assert (await hub.earn(card=CARD, points=1)).is_booked


async def test_operation_is_its_result_or_none_when_never_booked(connect):
    async with connect() as hub:
        earned = await hub.earn(card=CARD, points=120)
        assert await hub.operation(earned.id) == earned
        assert await hub.operation(new_operation_id()) is None


async def test_windows_are_read_to_the_last_page_and_statements_as_json_and_file(connect):
    async with connect() as hub:
        first, second = await hub.windows()
        assert [(window.number, window.state) for window in (first, second)] == [(1, "SETTLED"), (2, "OPEN")]
        days = (first.sales_from, first.sales_until)
        assert (*days, first.net) == (date(2026, 10, 31), date(2026, 11, 30), "7.50")
        assert (second.sales_from, second.sales_until, second.net) == (None, None, None)
        assert (await hub.statement(1))["window"] == 1
        assert await hub.statement_file(1, "pdf") == b"%PDF"
        (document,) = await hub.documents(1)
        assert await hub.document_file(1, document["number"], "pdf") == b"%PDF"


async def test_an_unknown_partner_key_is_an_authorization_error(connect, signing_hub):
    signing_hub.problems.append((401, {"code": "key_unknown", "title": "who?", "request_id": "r-1"}))
    async with connect() as hub:
        with pytest.raises(NotAuthorizedError) as fault:
            await hub.balance(CARD)
    assert (fault.value.code, fault.value.request_id, fault.value.is_retryable) == ("key_unknown", "r-1", False)
    assert "give the operator this key's public half" in fault.value.__notes__[0]


@pytest.mark.parametrize("url", ["hub.example", "ftp://hub.example", "http://", "http://hub.example/?a=1"])
async def test_an_address_that_is_none_is_named(url, partner_key, outbox_path):
    with pytest.raises(AddressInvalidError):
        await Coalition(url, partner_key, outbox=outbox_path).__aenter__()


async def test_a_reserve_tells_when_it_ends(connect, signing_hub):
    signing_hub.told["reserve"] = {"expires_at": "2026-11-21T18:19:12Z"}
    async with connect() as hub:
        await hub.earn(card=CARD, points=500)
        held = await hub.reserve(card=CARD, points=5, timeout_s=900)
    assert held.expires_at == datetime(2026, 11, 21, 18, 19, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "told"),
    [("capture", {"code": "more_than_left", "left": 40}), ("release", {"code": "hold_resolved", "state": "timed_out"})],
)
async def test_a_refusal_tells_what_is_left_or_what_became_of_the_hold(connect, signing_hub, kind, told):
    signing_hub.told[kind] = {"verdict": "refused", "available": 500} | told
    async with connect() as hub:
        with pytest.raises(RefusedError) as refusal:
            await getattr(hub, kind)(card=CARD, reserve_id=new_operation_id())
    assert (refusal.value.code, refusal.value.left, refusal.value.state) == (
        told["code"],
        told.get("left"),
        told.get("state"),
    )
    [figure] = [value for name, value in told.items() if name != "code"]
    assert str(figure) in str(refusal.value)


async def test_a_limit_tells_how_much_and_until_when(connect, signing_hub):
    limit = {"code": "burn_day_limit", "limit": 1000, "used": 900, "until": "2026-11-21T23:00:00.000000Z"}
    signing_hub.told["burn"] = {"verdict": "refused", "available": 500} | limit
    async with connect() as hub:
        with pytest.raises(RefusedError, match="limit 1000, used 900, until 2026-11-21 23:00"):
            await hub.burn(card=CARD, points=500)


async def test_a_member_s_code_goes_out_and_into_no_log(connect, signing_hub):
    async with connect() as hub:
        await hub.earn(card=CARD, points=500)
        await hub.burn(card=CARD, points=100, step_up_code="408173")
        await hub.reserve(card=CARD, points=100, step_up_code="408174")
        with pytest.raises(InvalidOperationError) as fault:
            await hub.burn(card=CARD, points=100, step_up_code="4081733")
    assert "4081733" not in str(fault.value)
    assert [one.get("step_up_code") for one in signing_hub.operations()] == [None, "408173", "408174"]
    assert "408173" not in repr(Burn(card=CARD, points=100, step_up_code="408173"))
