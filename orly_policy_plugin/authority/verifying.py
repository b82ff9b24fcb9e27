"""The one place that checks an event's id (NIP-01) and signature (BIP-340). Never raises."""

import hashlib

import coincurve
import orjson

from orly_policy_hookspecs import Event, nip01


def verify(event: Event) -> bool:
    """Whether the id is the event's hash and the author has signed it."""
    return has_right_id(event) and is_signed(event)


def has_right_id(event: Event) -> bool:
    """As :func:`orly_policy_hookspecs.nip01.has_right_id`, and fast in the common case: it is done
    for every event that is written or read.
    """
    return _has_common_id(event) or nip01.has_right_id(event)


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


def _has_common_id(event: Event) -> bool:
    try:
        values = [0, event.pubkey, event.created_at, event.kind, event.tags, event.content]
        return hashlib.sha256(orjson.dumps(values)).hexdigest() == event.id
    except (orjson.JSONEncodeError, AttributeError):
        return False
