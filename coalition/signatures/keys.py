"""Ed25519 keys: PEM files, raw bytes, JSON Web Keys (RFC 8037) and their names (RFC 7638)."""

from base64 import urlsafe_b64encode
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from coalition.signatures.errors import KeyUnreadableError

RAW_KEY_BYTES = 32

_FIELD_PRIME = 2**255 - 19
_CURVE_D = -121665 * pow(121666, -1, _FIELD_PRIME)


def generate_private_key() -> Ed25519PrivateKey:
    """Return a new key from the operating system's random numbers."""
    return Ed25519PrivateKey.generate()


def private_key_pem(private_key: Ed25519PrivateKey) -> bytes:
    """Return the key as PKCS #8 PEM, not encrypted: who writes it to a file must close the file to others."""
    return private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_key_pem(public_key: Ed25519PublicKey) -> bytes:
    """Return the key as SubjectPublicKeyInfo PEM."""
    return public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def load_private_key(pem: bytes) -> Ed25519PrivateKey:
    """Read an Ed25519 private key from PKCS #8 PEM. Raises KeyUnreadableError; encrypted files are not read."""
    expected = "an Ed25519 private key as PEM, not encrypted"
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnreadableError(field="private key", expected=expected, got=_kind_of_pem(pem)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnreadableError(field="private key", expected=expected, got=type(key).__name__)
    return key


def load_public_key(pem: bytes) -> Ed25519PublicKey:
    """Read an Ed25519 public key from SubjectPublicKeyInfo PEM. Raises KeyUnreadableError."""
    expected = "an Ed25519 public key as PEM"
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnreadableError(field="public key", expected=expected, got=_kind_of_pem(pem)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnreadableError(field="public key", expected=expected, got=type(key).__name__)
    return public_key_of_raw(raw_of_public_key(key))


def raw_of_public_key(public_key: Ed25519PublicKey) -> bytes:
    """Return the 32 bytes of the key (RFC 8032 section 5.1.5)."""
    return public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def public_key_of_raw(raw: bytes) -> Ed25519PublicKey:
    """Return the key of these 32 bytes.

    Raises KeyUnreadableError for another length, for what is no point of the curve, and for the points of small order:
    under such a key signatures that nobody made verify, so it proves nothing.
    """
    if len(raw) != RAW_KEY_BYTES:
        raise KeyUnreadableError(field="public key", expected=f"{RAW_KEY_BYTES} bytes", got=f"{len(raw)} bytes")
    if not _is_sound_point(raw):
        raise KeyUnreadableError(field="public key", expected="a point of large order on the curve", got=raw.hex())
    return Ed25519PublicKey.from_public_bytes(raw)


def keyid_of(public_key: Ed25519PublicKey) -> str:
    """Return the key's JWK thumbprint: base64url of SHA-256, 43 characters, no padding (RFC 7638, RFC 8037 A.3)."""
    members = f'{{"crv":"Ed25519","kty":"OKP","x":"{_base64url(raw_of_public_key(public_key))}"}}'
    return _base64url(sha256(members.encode("ascii")).digest())


def jwk_of(public_key: Ed25519PublicKey) -> dict[str, str]:
    """Return the key as a JSON Web Key, as GET /v1/keys lists it (RFC 8037 section 2)."""
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": _base64url(raw_of_public_key(public_key)),
        "kid": keyid_of(public_key),
        "alg": "EdDSA",
        "use": "sig",
    }


def _base64url(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def _kind_of_pem(pem: bytes) -> str:
    """Name what came by its first line; never quote more, it may be a private key."""
    first_line = pem.strip().split(b"\n", 1)[0].strip()
    is_pem = first_line.startswith(b"-----BEGIN ") and first_line.endswith(b"-----")
    return first_line.decode("ascii", "replace") if is_pem else f"{len(pem)} bytes that are not PEM"


def _is_sound_point(raw: bytes) -> bool:
    """Tell whether these bytes are a point of the curve whose eightfold is not neutral (RFC 8032 section 5.1)."""
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _FIELD_PRIME or not _is_square(_x_square_of(y)):
        return False
    for _ in range(3):
        x_square, y_square = _x_square_of(y), y * y
        y = (y_square + x_square) * pow(1 - _CURVE_D * x_square * y_square, -1, _FIELD_PRIME) % _FIELD_PRIME
    return y != 1


def _x_square_of(y: int) -> int:
    return (y * y - 1) * pow(_CURVE_D * y * y + 1, -1, _FIELD_PRIME) % _FIELD_PRIME


def _is_square(value: int) -> bool:
    return pow(value, (_FIELD_PRIME - 1) // 2, _FIELD_PRIME) in (0, 1)
