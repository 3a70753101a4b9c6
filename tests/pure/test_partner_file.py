"""A file of partners: what is damaged or hostile is refused with its place, before anything is looked at."""

import pytest

from coalition.errors import PartnerFileRefusedError
from coalition.operations.import_partners import FILE_BYTES_MAX, read_partner_file


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"partners": [\n  {"name": "A",}\n]}', "line 2, column 1"),
        (b'{"partners": [{"name": "A", "name": "B", "key": ""}]}', "'name' stands twice in one object"),
        (b'{"partners": [{"name": "A", "key": "", "terms": {"commission": NaN}}]}', "NaN is no number"),
        (b"\xff\xfe\xff", "expected JSON"),
        (b"[" * 100_000, "expected JSON"),
        (b'{"partners": []}', "partners: List should have at least 1 item"),
        (b"[]", "the file: "),
        (b'{"partners": [{"name": 7}]}', "2 faults"),
        (b'{"partners": [{"name": "A", "key": "", "bank": {}}]}', "partners[0].bank: Extra inputs are not permitted"),
        (b'{"partners": [{"name": "A", "key": "", "terms": {"fee": 1}}]}', "terms.fee: Unexpected keyword argument"),
        (b'{"partners": [{"name": "A", "key": "", "terms": []}]}', "partners[0].terms: Input should be a dictionary"),
        (b" " * (FILE_BYTES_MAX + 1), "expected at most 16,777,216 bytes, 16,777,217 came"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(content: bytes, told: str) -> None:
    with pytest.raises(PartnerFileRefusedError) as refused:
        read_partner_file(content)
    assert told in str(refused.value)


def test_amounts_are_exact() -> None:
    """A number with a point never becomes a float on its way."""
    (entry,) = read_partner_file(b'{"partners": [{"name": "A", "key": "k", "terms": {"service_fee": 0.1}}]}')
    assert str(entry.terms.service_fee) == "0.1"
