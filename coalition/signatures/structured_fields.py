"""The part of Structured Fields (RFC 8941) that the signature headers use: dictionaries of lists and byte sequences.

Stricter than RFC 8941 in one way: a key or parameter that appears twice is refused, where the RFC lets the last win.
No input makes a match take more than linear time: each repetition begins with a character that cannot end the one
before it. Only character classes are possessive; Python 3.11.0 to 3.11.4 match possessive groups wrongly (gh-106052).
"""

import re
from typing import NamedTuple

from coalition.signatures.errors import SignatureMalformedError, SignatureRefusedError

# aiohttp's limit for one header line; joined lines could be longer.
HEADER_CHARS_MAX = 8_190

_KEY = r"[a-z*][a-z0-9_.*-]*+"
# Runs between escapes, not one character or the other at a time: three times as fast.
_STRING = r'"[ !#-\[\]-~]*+(?:\\["\\][ !#-\[\]-~]*+)*"'
_BARE_ITEM = (
    rf"(?:{_STRING}|-?[0-9]{{1,15}}+(?:\.[0-9]{{1,3}}+)?|:[A-Za-z0-9+/=]*+:|\?[01]"
    r"|[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*+)"
)
_PARAMETERS = rf"(?:; *+{_KEY}(?:={_BARE_ITEM})?)*"
_ITEM = rf"{_BARE_ITEM}{_PARAMETERS}"

_LIST_MEMBER = re.compile(rf"({_KEY})=\( *+((?:{_ITEM}(?: ++{_ITEM})*)?) *+\)({_PARAMETERS})")
_PARAMETER = re.compile(rf"; *+({_KEY})(?:=({_BARE_ITEM}))?")
_BYTES_MEMBER = re.compile(rf"({_KEY})=:([A-Za-z0-9+/]*+={{0,2}}):")
_COMMA = re.compile(r"[ \t]*+,[ \t]*+")


class ListMember(NamedTuple):
    """One inner list of a dictionary: its items, and its parameters as (key, raw value; "" for a bare key)."""

    items_text: str
    parameters: list[tuple[str, str]]


def inner_lists(text: str, *, field: str) -> dict[str, ListMember]:
    """Return the members of a dictionary of inner lists by key; the values are still text.

    Raises SignatureMalformedError for anything else than such a dictionary.
    """
    return {
        key: ListMember(items_text, _PARAMETER.findall(parameters_text))
        for key, items_text, parameters_text in _members(text, _LIST_MEMBER, field, SignatureMalformedError)
    }


def byte_sequences(text: str, *, field: str, malformed: type[SignatureRefusedError]) -> dict[str, str]:
    """Return the members of a dictionary of byte sequences by key, each still in base64. No member has parameters.

    Raises `malformed` for anything else than such a dictionary.
    """
    return {key: base64_text for key, base64_text, *_ in _members(text, _BYTES_MEMBER, field, malformed)}


def _members(
    text: str, pattern: re.Pattern[str], field: str, malformed: type[SignatureRefusedError]
) -> list[tuple[str, ...]]:
    if len(text) > HEADER_CHARS_MAX:
        raise malformed(field=field, expected=f"at most {HEADER_CHARS_MAX:,} characters", got=text)
    text = text.strip(" \t")
    members: list[tuple[str, ...]] = []
    position = 0
    while member := pattern.match(text, position):
        members.append(member.groups())
        position = member.end()
        if position == len(text):
            return _without_duplicates(members, field, malformed)
        comma = _COMMA.match(text, position)
        if comma is None:
            break
        position = comma.end()
    raise malformed(
        field=field,
        expected="a dictionary as of RFC 8941, of the kind that RFC 9421 or RFC 9530 defines for this header",
        got=repr(text[position:] or text),
    )


def _without_duplicates(
    members: list[tuple[str, ...]], field: str, malformed: type[SignatureRefusedError]
) -> list[tuple[str, ...]]:
    keys = [member[0] for member in members]
    if len(keys) > 1 and len(set(keys)) != len(keys):
        raise malformed(field=field, expected="each key once", got=", ".join(keys))
    return members
