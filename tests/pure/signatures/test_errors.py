"""The tree of refusals is complete and its codes are distinct."""

import pytest

from coalition.signatures import errors

REFUSALS = errors.SignatureRefusedError.__subclasses__()


def test_every_refusal_has_its_own_code_and_stands_in_the_tree():
    """Codes are public: one class, one code, and the drawing shows all of them."""
    codes = [error.code for error in REFUSALS]
    assert len(set(codes)) == len(codes) == 17
    for error in REFUSALS:
        assert f"{error.__name__} " in (errors.__doc__ or "")
        assert error.code in (errors.__doc__ or "")


@pytest.mark.parametrize("error", [*REFUSALS, errors.KeyUnreadableError])
def test_a_refusal_says_field_expected_and_got(error):
    """What came is shortened: a header of kilobytes is not echoed."""
    refusal = error(field="Signature", expected="64 bytes", got="x" * 5_000)
    assert str(refusal).startswith("Signature: expected 64 bytes, got xxx")
    assert str(refusal).endswith("... (5000 characters)")
    assert len(refusal.got) < 200
