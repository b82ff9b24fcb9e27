"""The one place that checks an event's id (NIP-01) and signature (BIP-340). Never raises."""

import hashlib
import json
import re

import coincurve
import orjson

from orly_policy_hookspecs import Event

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_ESCAPED_CONTROL = re.compile(r"(?<!\\)((?:\\\\)*)\\u00([01][0-9a-f])")


def verify(event: Event) -> bool:
    """Whether the id is the event's hash and the author has signed it."""
    return has_right_id(event) and is_signed(event)


def has_right_id(event: Event) -> bool:
    """Whether the id is the hash of the other fields.

    NIP-01 escapes seven characters and takes other control characters as they are, JSON
    libraries escape those too, some in upper case; an id of any of these forms is right, and none
    can be had from other fields.
    """
    try:
        values = [0, event.pubkey, event.created_at, event.kind, event.tags, event.content]
        if _is_hash_of(event.id, values):
            return True
        serialised = _encode(values)
        if _sha256(serialised) == event.id:
            return True
        if _ESCAPED_CONTROL.search(serialised) is None:
            return False
        return event.id in (
            _sha256(_ESCAPED_CONTROL.sub(_as_it_is, serialised)),
            _sha256(_ESCAPED_CONTROL.sub(_in_upper_case, serialised)),
        )
    except (TypeError, ValueError, RecursionError, AttributeError):
        return False


def is_signed(event: Event) -> bool:
    """Whether ``sig`` is the author's signature of ``id``. Exact lengths: 32, 32 and 64 bytes."""
    try:
        key, message, signature = (
            bytes.fromhex(text) for text in (event.pubkey, event.id, event.sig)
        )
        if (len(key), len(message), len(signature)) != (32, 32, 64):
            return False
        return coincurve.PublicKeyXOnly(key).verify(signature, message)
    except (TypeError, ValueError, AttributeError):
        return False


def _is_hash_of(event_id: str, values: list[object]) -> bool:
    """The common case, fast: it is done for every event that is written or read."""
    try:
        return hashlib.sha256(orjson.dumps(values)).hexdigest() == event_id
    except orjson.JSONEncodeError:
        return False


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _as_it_is(match: re.Match[str]) -> str:
    return match[1] + chr(int(match[2], 16))


def _in_upper_case(match: re.Match[str]) -> str:
    return f"{match[1]}\\u00{match[2].upper()}"
