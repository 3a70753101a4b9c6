"""Keys in and out of files, their names, and keys that are refused."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from coalition.signatures import keys
from coalition.signatures.errors import KeyUnreadableError

# The y of the two points of order 8 (up to sign), of order 4, of order 2 and of the neutral point.
P = 2**255 - 19
SMALL_ORDER_Y = [
    0,
    1,
    P - 1,
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    P - 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
]


def test_a_key_survives_its_file(private_key):
    """Writing and reading give the same key."""
    public_key = private_key.public_key()
    assert keys.load_private_key(keys.private_key_pem(private_key)).private_bytes_raw() == bytes(range(32))
    assert keys.load_public_key(keys.public_key_pem(public_key)) == public_key
    assert keys.public_key_of_raw(keys.raw_of_public_key(public_key)) == public_key


def test_generated_keys_are_sound_and_differ():
    """A new key can be read back as a partner's key."""
    first, second = (keys.generate_private_key().public_key() for _ in range(2))
    assert keys.load_public_key(keys.public_key_pem(first)) == first
    assert keys.keyid_of(first) != keys.keyid_of(second)


def test_a_web_key_names_itself(private_key):
    """`kid` in GET /v1/keys is the keyid in signatures."""
    jwk = keys.jwk_of(private_key.public_key())
    assert jwk["kid"] == keys.keyid_of(private_key.public_key())
    assert {name: jwk[name] for name in ("kty", "crv", "alg", "use")} == {
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": "EdDSA",
        "use": "sig",
    }
    assert len(jwk["x"]) == len(jwk["kid"]) == 43


def test_a_private_key_of_another_type_is_named(private_key):
    """An operator who picks the wrong file reads what it is."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(KeyUnreadableError, match=r"private key: expected an Ed25519 private key as PEM.*got EC"):
        keys.load_private_key(pem)
    with pytest.raises(KeyUnreadableError, match="-----BEGIN PUBLIC KEY-----"):
        keys.load_private_key(keys.public_key_pem(private_key.public_key()))


def test_a_public_key_of_another_type_is_named(private_key):
    """The same for public keys; a private key given by mistake is never quoted."""
    x25519_pem = (
        x25519.X25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(KeyUnreadableError, match="public key: expected an Ed25519 public key as PEM, got X25519"):
        keys.load_public_key(x25519_pem)
    with pytest.raises(KeyUnreadableError, match=r"got -----BEGIN PRIVATE KEY-----$"):
        keys.load_public_key(keys.private_key_pem(private_key))


@pytest.mark.parametrize(
    "pem", [b"", b"\xff\x00", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", b"ssh-ed25519 AAAA"]
)
def test_what_is_no_key_is_refused(pem):
    """Garbage gives the same clear error, for both kinds."""
    for load in (keys.load_public_key, keys.load_private_key):
        with pytest.raises(KeyUnreadableError):
            load(pem)


def test_an_encrypted_key_is_refused(private_key):
    """There is nobody to ask for a password."""
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    with pytest.raises(KeyUnreadableError, match="not encrypted"):
        keys.load_private_key(pem)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_raw_key_has_32_bytes(length):
    """The length is checked before anything else."""
    with pytest.raises(KeyUnreadableError, match=f"got {length} bytes"):
        keys.public_key_of_raw(bytes(length))


@pytest.mark.parametrize("y", SMALL_ORDER_Y)
@pytest.mark.parametrize("sign", [0, 1])
def test_points_of_small_order_are_no_keys(y, sign):
    """Signatures that nobody made would verify under them."""
    with pytest.raises(KeyUnreadableError, match="large order"):
        keys.public_key_of_raw((y | sign << 255).to_bytes(32, "little"))


@pytest.mark.parametrize("y", [2, P, P + 1, P + 18, 2**255 - 1])
def test_what_is_no_point_in_canonical_form_is_no_key(y):
    """y = 2 is not on the curve; y >= p is a second spelling."""
    with pytest.raises(KeyUnreadableError, match="on the curve"):
        keys.public_key_of_raw(y.to_bytes(32, "little"))


def test_a_forged_signature_verifies_under_the_neutral_point():
    """Why such keys are refused: here is one that the library alone would accept."""
    neutral = (1).to_bytes(32, "little")
    Ed25519PublicKey.from_public_bytes(neutral).verify(neutral + bytes(32), b"nobody signed this")


def test_an_rsa_file_is_refused():
    """The most common wrong file."""
    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    with pytest.raises(KeyUnreadableError, match="RSAPrivateKey"):
        keys.load_private_key(pem)
