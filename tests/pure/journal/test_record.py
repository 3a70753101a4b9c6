"""What a leaf of the journal is made of, to the byte: partners recompute it from their own message and answer."""

from hashlib import sha256

import pytest

from coalition.journal.record import content_digest, record_hash

MESSAGE = sha256(b'{"operations":[]}').digest()
RESULT = '{"id":"a","verdict":"booked"}'


def test_a_leaf_is_the_messages_digest_the_index_and_the_result() -> None:
    entry = MESSAGE + b"\x00\x00\x01\x02" + RESULT.encode()
    assert record_hash(message=MESSAGE, index=258, result=RESULT) == sha256(b"\x00" + entry).digest()


def test_a_leaf_is_what_it_was_when_the_first_window_closed() -> None:
    """Byte for byte, for ever: a stored root can be proved only so."""
    assert record_hash(message=MESSAGE, index=0, result=RESULT).hex() == (
        "0f3f87a87ba1c7e957418d7cf5ce3d13436d80f24936a8c6ccaedf79701dc030"
    )
    assert record_hash(message=None, index=None, result='{"verdict":"closed"}').hex() == (
        "92d1c1a458ac28fd22df195c30c7cb28a1ee92d76cce59e95b8edbd1f3471ad0"
    )


@pytest.mark.parametrize(
    ("message", "index", "result"), [(sha256().digest(), 7, RESULT), (MESSAGE, 8, RESULT), (MESSAGE, 7, RESULT + " ")]
)
def test_every_part_counts(message: bytes, index: int, result: str) -> None:
    assert record_hash(message=message, index=index, result=result) != record_hash(
        message=MESSAGE, index=7, result=RESULT
    )


def test_contents_are_told_apart_by_16_bytes() -> None:
    assert content_digest(b"earn 5") == sha256(b"earn 5").digest()[:16]
