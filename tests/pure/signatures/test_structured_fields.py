"""The grammar of the headers: what is no dictionary of the right kind is refused whole."""

import pytest

from coalition.signatures.errors import SignatureMalformedError
from coalition.signatures.structured_fields import HEADER_CHARS_MAX, byte_sequences, inner_lists


def test_items_and_parameters_are_read():
    """Items stay text; parameters come in order, bare keys with an empty value."""
    members = inner_lists('a=( "x";k=1  tok );p="1";q , b=()', field="Signature-Input")
    assert members["a"].items_text == '"x";k=1  tok'
    assert members["a"].parameters == [("p", '"1"'), ("q", "")]
    assert members["b"] == ("", [])


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a=",
        "a=1",
        "a=(",
        "a=()x",
        "a=(),",
        ",a=()",
        "a=() b=()",
        "a=() , , b=()",
        "a= ()",
        "a =()",
        'a=("x"',
        'a=("x""y")',
        'a=("x" ;k)',
        "a=();",
        "a=() ;b",
        "a=();b=",
        "a=();B=1",
        'a=("\t")',
        'a=("\\n")',
        "a=()\n",
        "a=(x\ny)",
        'a=("é")',
        "a=():",
        "(a)",
    ],
)
def test_anything_else_is_refused(text):
    """One wrong character spoils the header, as RFC 8941 section 4.2 asks."""
    with pytest.raises(SignatureMalformedError, match="Signature-Input: expected a dictionary"):
        inner_lists(text, field="Signature-Input")


@pytest.mark.parametrize(
    "text", ["a", "a=b", "a=:YQ==", "a=:Y Q=:", "a=:YQ==:;p", "a=:Y=Q:", "a=:YQ===:", "a=:-_:", "a=:YQ==:,"]
)
def test_only_byte_sequences_are_signatures(text):
    """No parameters, no other base64 alphabet."""
    with pytest.raises(SignatureMalformedError):
        byte_sequences(text, field="Signature", malformed=SignatureMalformedError)


def test_a_header_has_a_length_limit():
    """Joined header lines are bounded as one line is."""
    text = "a=" + ":" + "A" * (HEADER_CHARS_MAX - 4) + ":"
    assert byte_sequences(text, field="Signature", malformed=SignatureMalformedError)
    with pytest.raises(SignatureMalformedError, match="at most 8,190 characters"):
        byte_sequences(f" {text}", field="Signature", malformed=SignatureMalformedError)
