"""The size of events in bytes (section 1 of the spec): ``size_limit`` and ``content_limit``."""

import json

import orjson

from orly_policy_hookspecs import Event
from orly_policy_hookspecs.nip01 import FIELDS

_NAMES_SIZE = sum(len(f'"{name}":') for name in FIELDS)
"""The bytes that an object takes more than a list of the same values, which is written faster."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def event_size(event: Event) -> int:
    """The length in bytes of the event as compact UTF-8 JSON with the seven fields of NIP-01.

    Escapes just what the specification escapes: quote, backslash, and what is below 0x20, of which
    ``\\b \\t \\n \\f \\r`` in two bytes and the rest in six.
    """
    values = (
        event.id,
        event.pubkey,
        event.created_at,
        event.kind,
        event.tags,
        event.content,
        event.sig,
    )
    try:
        return len(orjson.dumps(values)) + _NAMES_SIZE
    except orjson.JSONEncodeError:  # a number over 64 bits, half of a surrogate pair
        return _utf8_size(_encode(values)) + _NAMES_SIZE


def content_size(event: Event) -> int:
    """The length in bytes of the content as UTF-8."""
    return _utf8_size(event.content)


def _utf8_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
