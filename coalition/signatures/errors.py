"""What can be wrong with a signed message.

SignatureRefusedError                   every foreseen refusal; `code` is stable and public
├── SignatureMissingError               signature_missing
├── SignatureMalformedError             signature_malformed
├── SignatureAmbiguousError             signature_ambiguous
├── SignatureParameterMissingError      signature_parameter_missing
├── SignatureComponentsMissingError     signature_components_missing
├── SignatureComponentUnsupportedError  signature_component_unsupported
├── SignatureAlgorithmUnsupportedError  signature_algorithm_unsupported
├── SignatureStaleError                 signature_stale
├── SignatureFromFutureError            signature_from_future
├── SignatureExpiredError               signature_expired
├── SignatureWrongError                 signature_wrong
├── KeyUnknownError                     key_unknown          raised by who looks the key up
├── KeyNotValidError                    key_not_valid        raised by who looks the key up
├── NonceReusedError                    nonce_reused         raised by who remembers nonces
├── ContentDigestMissingError           content_digest_missing
├── ContentDigestMalformedError         content_digest_malformed
└── ContentDigestWrongError             content_digest_wrong
KeyUnreadableError                      key_unreadable       a key file or raw key of the wrong form or type
"""

from coalition.errors import CoalitionError

# What came is quoted in answers and logs; a header of kilobytes is not.
GOT_CHARS_MAX = 120


def _shortened(text: str) -> str:
    return text if len(text) <= GOT_CHARS_MAX else f"{text[:GOT_CHARS_MAX]}... ({len(text)} characters)"


class SignatureRefusedError(CoalitionError):
    """A message whose signature is not accepted: which field, what was expected, what came."""

    code = "signature_refused"

    def __init__(self, *, field: str, expected: str, got: str) -> None:
        self.field = field
        self.expected = expected
        self.got = _shortened(got)
        super().__init__(f"{field}: expected {expected}, got {self.got}")


class SignatureMissingError(SignatureRefusedError):
    """No signature with the tag of this profile."""

    code = "signature_missing"


class SignatureMalformedError(SignatureRefusedError):
    """A signature header that is not of RFC 9421's form, or a value that no signature base may hold."""

    code = "signature_malformed"


class SignatureAmbiguousError(SignatureRefusedError):
    """Two signatures with the tag of this profile."""

    code = "signature_ambiguous"


class SignatureParameterMissingError(SignatureRefusedError):
    """A signature without a parameter that the profile requires."""

    code = "signature_parameter_missing"


class SignatureComponentsMissingError(SignatureRefusedError):
    """A signature that covers less than the profile requires."""

    code = "signature_components_missing"


class SignatureComponentUnsupportedError(SignatureRefusedError):
    """A signature that covers a component, or uses a component parameter, outside the profile."""

    code = "signature_component_unsupported"


class SignatureAlgorithmUnsupportedError(SignatureRefusedError):
    """An `alg` that is absent or not ed25519."""

    code = "signature_algorithm_unsupported"


class SignatureStaleError(SignatureRefusedError):
    """A signature created too long ago."""

    code = "signature_stale"


class SignatureFromFutureError(SignatureRefusedError):
    """A signature created too far ahead of the hub's clock."""

    code = "signature_from_future"


class SignatureExpiredError(SignatureRefusedError):
    """A signature whose own `expires` has passed."""

    code = "signature_expired"


class SignatureWrongError(SignatureRefusedError):
    """A well-formed signature that this key did not make over this request."""

    code = "signature_wrong"


class KeyUnknownError(SignatureRefusedError):
    """A `keyid` that no partner has registered."""

    code = "key_unknown"


class KeyNotValidError(SignatureRefusedError):
    """A key outside its validity interval."""

    code = "key_not_valid"


class NonceReusedError(SignatureRefusedError):
    """A nonce that this key has used before."""

    code = "nonce_reused"


class ContentDigestMissingError(SignatureRefusedError):
    """A body without Content-Digest, or a Content-Digest without sha-256."""

    code = "content_digest_missing"


class ContentDigestMalformedError(SignatureRefusedError):
    """A Content-Digest that is not of RFC 9530's form."""

    code = "content_digest_malformed"


class ContentDigestWrongError(SignatureRefusedError):
    """A Content-Digest that is not the digest of the body that came."""

    code = "content_digest_wrong"


class KeyUnreadableError(CoalitionError):
    """A key that is not an Ed25519 key of the expected form."""

    code = "key_unreadable"

    def __init__(self, *, field: str, expected: str, got: str) -> None:
        self.field = field
        self.expected = expected
        self.got = _shortened(got)
        super().__init__(f"{field}: expected {expected}, got {self.got}")
