"""Whose an outbox is: what one partner has saved is never sent as another's.

Each operation remembers the key that saved it. A partner's keys change, and only the hub knows which are one partner's:
where operations of another key wait, it is asked for one that this key had decided. It tells that to its own partner
alone. A key by which the hub has decided nothing leaves nothing to ask for: then a person has to say whose it was.
"""

from partner_sdk.errors import MessageRejectedError, OutboxError, OutboxKeyError
from partner_sdk.exchange import Exchange, GivesUp, path_part
from partner_sdk.outbox import Outbox
from partner_sdk.result import parse_result

# So many of the newest decided operations are looked through for one that the other key has signed.
DECIDED_MAX = 1_000


async def refuse_other_partners(outbox: Outbox, exchange: Exchange, *, gives_up: GivesUp | None = None) -> None:
    """Take over what waits of this partner's other keys; raises OutboxKeyError where that may be another partner's,
    and what `ask` raises."""
    for saved_by in outbox.other_keys(exchange.keyid):
        if outbox.has_waiting_of(saved_by):
            is_same = await _is_same_partner(outbox, exchange, saved_by, gives_up)
            if not is_same:
                raise _refusal(outbox, exchange, saved_by, is_other_partner=is_same is not None)
            outbox.take_over(saved_by, keyid=exchange.keyid)
        else:
            outbox.forget_key(saved_by)


async def adopt(outbox: Outbox, exchange: Exchange, saved_by: str) -> int:
    """Take over what waits of a key that a person says was this partner's; return how many operations.

    The person's word counts only where the hub has none. Raises OutboxKeyError: the hub knows better; OutboxError:
    nothing waits of that key; and what `ask` raises.
    """
    if saved_by == exchange.keyid or not outbox.has_waiting_of(saved_by):
        raise _nothing_waits(outbox, exchange, saved_by)
    if await _is_same_partner(outbox, exchange, saved_by, None) is False:
        raise _refusal(outbox, exchange, saved_by, is_other_partner=True)
    return outbox.take_over(saved_by, keyid=exchange.keyid)


def _nothing_waits(outbox: Outbox, exchange: Exchange, saved_by: str) -> OutboxError:
    error = OutboxError(f"nothing waits in {outbox.path} that another key {saved_by} saved")
    others = [keyid for keyid in outbox.other_keys(exchange.keyid) if outbox.has_waiting_of(keyid)]
    waits = f"what waits of other keys is of {', '.join(others)}" if others else "nothing waits of any other key"
    error.add_note(f"`outbox list` names the key that saved each operation; {waits}")
    return error


def _refusal(outbox: Outbox, exchange: Exchange, saved_by: str, *, is_other_partner: bool) -> OutboxKeyError:
    return OutboxKeyError(path=outbox.path, saved_by=saved_by, keyid=exchange.keyid, is_other_partner=is_other_partner)


async def _is_same_partner(outbox: Outbox, exchange: Exchange, saved_by: str, gives_up: GivesUp | None) -> bool | None:
    """Say whether the hub tells this key what it decided by the other; None: it has decided nothing by that."""
    for operation_id, number in outbox.newest_decided(saved_by, count_max=DECIDED_MAX):
        receipt = outbox.numbered(number)
        if f'keyid="{saved_by}"' not in receipt.request.headers.get("Signature-Input", ""):
            continue
        try:
            answer = await exchange.ask("GET", f"/v1/operations/{path_part(operation_id)}", gives_up=gives_up)
        except MessageRejectedError as fault:
            if fault.status == 404 and fault.receipt is not None:
                return False
            raise
        # Two partners may each have an operation of this id, but not at one place in the journal.
        return parse_result(answer.content()).raw == receipt.result_of(operation_id).raw
    return None
