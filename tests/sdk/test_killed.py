"""A till that is killed between saving and the answer loses nothing and sends nothing twice."""

import asyncio
import signal
import sys

from cryptography.hazmat.primitives import serialization

TILL = """
import asyncio, sys
from partner_sdk import Coalition, Earn

async def main(url, key, outbox, send):
    async with Coalition(url, key, outbox=outbox) as hub:
        ids = hub.put_many(Earn(card=f"card-{number % 3}", points=number + 1) for number in range(30))
        print(*ids, flush=True)
        if send == "send":
            await hub.flush()
        await asyncio.sleep(60)

asyncio.run(main(*sys.argv[1:]))
"""


async def killed_till(signing_hub, partner_key, outbox_path, *, at):
    """Run a till in a process of its own, kill -9 it at this moment, and return the ids that it saved."""
    key_path = outbox_path.with_name("till.pem")
    key_path.write_bytes(
        partner_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    arguments = [signing_hub.url, str(key_path), str(outbox_path), "keep" if at == "saved" else "send"]
    till = await asyncio.create_subprocess_exec(sys.executable, "-c", TILL, *arguments, stdout=asyncio.subprocess.PIPE)
    ids = (await till.stdout.readline()).decode().split()
    if at != "saved":
        await signing_hub.arrivals(1)
    till.send_signal(signal.SIGKILL)
    assert await till.wait() == -signal.SIGKILL
    return ids


async def test_killed_after_saving(connect, signing_hub, partner_key, outbox_path):
    ids = await killed_till(signing_hub, partner_key, outbox_path, at="saved")
    assert (len(ids), signing_hub.bodies) == (30, [])
    async with connect() as hub:
        assert (await hub.flush()).booked == 30
    assert [one["id"] for one in signing_hub.operations()] == ids


async def test_killed_with_the_message_on_its_way(connect, signing_hub, partner_key, outbox_path):
    """The hub books, but its answer finds nobody: the next start sends the same ids and bytes, and it counts once."""
    signing_hub.open.clear()
    ids = await killed_till(signing_hub, partner_key, outbox_path, at="sent")
    signing_hub.open.set()
    async with connect() as hub:
        assert (await hub.flush()).booked == 30
        assert (await hub.flush()).answered == 0
        assert all(hub.receipt(operation_id).result_of(operation_id).is_booked for operation_id in ids)
    first, second = signing_hub.bodies
    assert first == second
    assert sum(signing_hub.balances.values()) == sum(range(1, 31))
