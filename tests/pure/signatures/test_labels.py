"""Several signatures side by side: ours is found by its tag, never by its label or place."""

import pytest

from coalition.signatures import errors

OTHERS_INPUT = [
    'proxy=("@method" "via";bs "x-trace";key="a");created=1;keyid="p";alg="hmac-sha256";tag="proxy"',
    'sig1=();created=1;keyid="x"',
    'b=("date";req);custom=?1;flag;ratio=0.5;token=a/b;bytes=:YQ==:;text="a \\"quoted\\" , one"',
]


@pytest.mark.parametrize("other", OTHERS_INPUT)
@pytest.mark.parametrize("is_first", [True, False])
def test_signatures_with_other_tags_are_ignored(message, other, is_first):
    """Proxies and other parties may sign too."""
    label = other.split("=")[0]
    inputs = [other, message.request.signature_input]
    signatures = [f"{label}=:AAAA:", message.request.signature]
    step = 1 if is_first else -1
    both = message.with_request(signature_input=", ".join(inputs[::step]), signature=" ,\t".join(signatures[::-step]))
    assert both.received().parsed.label == "till"


def test_two_signatures_with_our_tag_are_refused(message, sign_by_hand):
    """Which of the two speaks for the partner would be a guess."""
    second = sign_by_hand(label="second", keyid='"second-key"')
    both = message.with_request(
        signature_input=f"{message.request.signature_input}, {second.request.signature_input}",
        signature=f"{message.request.signature}, {second.request.signature}",
    )
    with pytest.raises(errors.SignatureAmbiguousError, match="till, second"):
        both.received()


@pytest.mark.parametrize("header", ["signature_input", "signature"])
def test_a_label_given_twice_is_refused(message, header):
    """RFC 8941 lets the last one win; two readers could then verify two signatures."""
    value = getattr(message.request, header)
    with pytest.raises(errors.SignatureMalformedError, match="each key once"):
        message.with_request(**{header: f"{value}, {value}"}).received()


def test_a_signature_under_another_label_is_not_taken(message):
    """The label ties the two headers together."""
    with pytest.raises(errors.SignatureMissingError, match='label "till"'):
        message.with_request(signature=message.request.signature.replace("till=", "tills=")).received()


def test_exchanged_labels_are_refused(message, sign_by_hand):
    """Another valid signature of the same key, made for another purpose, does not stand in for ours."""
    other = sign_by_hand(label="other", tag='"other"')
    crossed = message.with_request(
        signature_input=f"{message.request.signature_input}, {other.request.signature_input}",
        signature=", ".join(
            [
                message.request.signature.replace("till=", "other="),
                other.request.signature.replace("other=", "till="),
            ]
        ),
    )
    with pytest.raises(errors.SignatureWrongError):
        crossed.received()


def test_the_label_itself_is_free(sign_by_hand):
    """Labels are not signed; any key of RFC 8941 does."""
    assert sign_by_hand(label="*a_1-b.c*").received().parsed.label == "*a_1-b.c*"


@pytest.mark.parametrize("label", ["Till", "1till", "ti ll", "", "tïll", '"till"'])
def test_a_label_that_is_no_key_is_refused(sign_by_hand, label):
    """RFC 8941 section 3.2."""
    with pytest.raises(errors.SignatureMalformedError):
        sign_by_hand(label=label).received()


def test_our_tag_inside_another_parameter_is_not_our_tag(sign_by_hand):
    """A tag is a parameter, not a piece of text somewhere in the header."""
    with pytest.raises(errors.SignatureMissingError):
        sign_by_hand(tag=None, nonce='";tag=\\"coalition-message-v1\\""').received()
