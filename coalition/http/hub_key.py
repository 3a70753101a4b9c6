"""The hub's own key: made at the first start, kept in a file of its own, published for ever."""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.database.pool import Connection
from coalition.errors import SettingError
from coalition.signatures.errors import KeyUnreadableError
from coalition.signatures.keys import (
    generate_private_key,
    keyid_of,
    load_private_key,
    private_key_pem,
    raw_of_public_key,
)
from coalition.signatures.sign import sign_response
from coalition.signatures.verify import VerifiedRequest
from coalition.stores.hub_keys import add_hub_key, load_hub_keys


class Signer:
    """Signs answers with one key."""

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key
        self.keyid = keyid_of(private_key.public_key())

    def sign(self, *, status: int, body: bytes, verified: VerifiedRequest, now: datetime) -> dict[str, str]:
        """Return the headers of a signed answer to this very request."""
        return sign_response(
            private_key=self._private_key,
            keyid=self.keyid,
            status=status,
            body=body,
            verified=verified,
            created_s=int(now.timestamp()),
        )

    def sign_content(self, content: bytes) -> bytes:
        """Return the signature over what is no HTTP answer, and must not begin with a quotation mark as those do."""
        return self._private_key.sign(content)

    async def publish(self, connection: Connection, *, now: datetime) -> None:
        """Make the public key known to partners, from now on for ever."""
        await add_hub_key(connection, self.keyid, raw_of_public_key(self._private_key.public_key()), valid_from=now)


HUB_KEY = "hub_key (COALITION_HUB_KEY)"
HUB_KEY_BEFORE = "hub_key_before (COALITION_HUB_KEY_BEFORE)"
SIGNER: web.AppKey[Signer] = web.AppKey("signer", Signer)
# Signs the list of keys: the key before, which partners have pinned, where it still vouches for the new one.
VOUCHER: web.AppKey[Signer] = web.AppKey("voucher", Signer)


def load_signer(path: Path) -> Signer:
    """Load the hub's key from its file, which only the hub may read; make one where there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        pem = private_key_pem(generate_private_key())
        unfinished = path.with_suffix(f".{os.getpid()}")
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
        try:
            # Two hubs may start at once: the first file that is there is the key.
            os.link(unfinished, path)
        except FileExistsError:
            pass
        finally:
            unfinished.unlink()
    return Signer(_read_key(path, HUB_KEY))


def load_voucher(path: Path) -> Signer:
    """Load the key that was the hub's before. Raises SettingError where there is none."""
    return Signer(_read_key(path, HUB_KEY_BEFORE))


def _read_key(path: Path, setting: str) -> Ed25519PrivateKey:
    try:
        return load_private_key(path.read_bytes())
    except FileNotFoundError:
        raise SettingError(f"{setting}: expected the PEM of a key, no file {path}") from None
    except (OSError, KeyUnreadableError) as error:
        raise SettingError(f"{setting}: {path}: {error}") from error


async def refuse_unusable_keys(connection: Connection, signer: Signer, voucher: Signer) -> None:
    """Refuse to start with a key whose signatures nobody believes; `signer` is published already.

    Partners have pinned what the hub has signed with: of the key before, a stranger's vouches for nothing. Raises
    SettingError.
    """
    ends = {row["keyid"]: row["valid_until"] for row in await load_hub_keys(connection)}
    if ends[signer.keyid] is not None:
        expected = "a key that is not ended; make a new one, or name the file of the key that replaced it"
        raise SettingError(f"{HUB_KEY}: expected {expected}, got {_told(signer, ends)}")
    if voucher.keyid not in ends or ends[voucher.keyid] is not None:
        expected = "the key that this hub signed with before, and that is not ended, or nothing"
        raise SettingError(f"{HUB_KEY_BEFORE}: expected {expected}, got {_told(voucher, ends)}")


def _told(key: Signer, ends: Mapping[str, datetime | None]) -> str:
    ended_at = ends.get(key.keyid)
    return f"{key.keyid}, " + (f"ended {ended_at.isoformat()}" if ended_at else "with which it has never signed")
