"""Ed25519 keys: load them from PEM, name them by their RFC 7638 thumbprint, make a new pair."""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from partner_sdk.errors import AnswerNotUnderstoodError, KeyUnusableError


def load_private_key(key: str | Path | Ed25519PrivateKey) -> Ed25519PrivateKey:
    """Return the key itself, or the one in the PEM file at this path. Raises KeyUnusableError."""
    if isinstance(key, Ed25519PrivateKey):
        return key
    if not isinstance(key, str | Path):
        raise KeyUnusableError(f"expected the path of a PEM file or an Ed25519PrivateKey, got {type(key).__name__}")
    try:
        loaded = serialization.load_pem_private_key(Path(key).read_bytes(), password=None)
    except TypeError as fault:
        raise KeyUnusableError(f"{key} is encrypted: load it with its password and pass the key object") from fault
    except OSError as fault:
        raise KeyUnusableError(f"{key}: {fault.strerror}") from fault
    except (ValueError, UnsupportedAlgorithm) as fault:
        raise KeyUnusableError(f"{key}: expected a private key in PEM: {fault}") from fault
    if not isinstance(loaded, Ed25519PrivateKey):
        raise KeyUnusableError(f"{key}: expected an Ed25519 key, it holds {type(loaded).__name__}")
    return loaded


def load_public_key(key: str | Path | bytes | Ed25519PublicKey) -> Ed25519PublicKey:
    """Return the key itself, the one in these PEM bytes, or the one in this PEM file. Raises KeyUnusableError."""
    if isinstance(key, Ed25519PublicKey):
        return key
    if not isinstance(key, str | Path | bytes):
        raise KeyUnusableError(f"expected PEM, a path of it or an Ed25519PublicKey, got {type(key).__name__}")
    try:
        loaded = serialization.load_pem_public_key(key if isinstance(key, bytes) else Path(key).read_bytes())
    except OSError as fault:
        raise KeyUnusableError(f"{key!s}: {fault.strerror}") from fault
    except (ValueError, UnsupportedAlgorithm) as fault:
        raise KeyUnusableError(f"expected a public key in PEM: {fault}") from fault
    if not isinstance(loaded, Ed25519PublicKey):
        raise KeyUnusableError(f"expected an Ed25519 key, got {type(loaded).__name__}")
    return loaded


def raw_bytes(public_key: Ed25519PublicKey) -> bytes:
    return public_key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def thumbprint(public_key: Ed25519PublicKey) -> str:
    """Return the RFC 7638 JWK thumbprint (RFC 8037 appendix A.3), base64url without padding: the default keyid."""
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw_bytes(public_key))}
    canonical = json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode()
    return _base64url(hashlib.sha256(canonical).digest())


def public_key_of_jwk(jwk: Mapping[str, Any]) -> Ed25519PublicKey:
    """Return the key of a JSON Web Key (RFC 8037). Raises AnswerNotUnderstoodError."""
    if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519" or not isinstance(jwk.get("x"), str):
        raise AnswerNotUnderstoodError("expected an Ed25519 JSON Web Key", content=jwk)
    try:
        return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(jwk["x"] + "=="))
    except ValueError as fault:
        raise AnswerNotUnderstoodError("expected 32 bytes in base64url as x", content=jwk) from fault


def make_key_pair(private_path: Path) -> tuple[Path, str]:
    """Write a new private key to `private_path` and its public half beside it; return the public path and the keyid.

    Never overwrites: a lost key is a lost identity. Raises KeyUnusableError.
    """
    key = Ed25519PrivateKey.generate()
    public_path = private_path.with_suffix(".pub.pem")
    if public_path.exists():
        # Before the private key is there without its other half.
        raise KeyUnusableError(f"cannot write {public_path}: it is there, and may be of another key")
    private_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write_new(private_path, private_pem, mode=0o600)
    write_public_key(public_path, key.public_key())
    return public_path, thumbprint(key.public_key())


def write_public_key(path: Path, key: Ed25519PublicKey) -> None:
    """Write a public key as PEM; never over what is there. Raises KeyUnusableError."""
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    _write_new(path, pem, mode=0o644)


def _write_new(path: Path, content: bytes, *, mode: int) -> None:
    try:
        # The mode is given at creation: a key must not be readable by others even for a moment.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
    except OSError as fault:
        raise KeyUnusableError(f"cannot write {path}: {fault}") from fault


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
