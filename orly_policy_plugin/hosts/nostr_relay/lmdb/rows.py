"""Events as nostr-relay's LMDB database has them: an array of msgpack. Pure."""

from typing import Any, Final

from msgpack import packb, unpackb  # type: ignore[import-untyped]  # ships no types

from orly_policy_hookspecs.nip01 import FrozenEvent

_VERSION: Final = 1
_HEAD: Final = b"\x98\x01\xc4\x20"
"""Eight items, the version, and that 32 bytes follow: the id."""
_KEY_HEAD: Final = b"\xc4\x20"
_BYTES_OF_NUMBERS: Final = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}


def encoded(event: FrozenEvent) -> bytes:
    """The value of an event."""
    row = (
        _VERSION,
        bytes.fromhex(event.id),
        event.created_at,
        event.kind,
        bytes.fromhex(event.pubkey),
        event.content,
        event.tags,
        bytes.fromhex(event.sig),
    )
    packed: bytes = packb(row, use_bin_type=True)
    return packed


def decoded(value: Any) -> FrozenEvent:
    """The event of a value.

    :param value: bytes or a buffer of them.
    """
    _, event_id, created_at, kind, pubkey, content, tags, sig = unpackb(value, use_list=False)
    return FrozenEvent(event_id.hex(), pubkey.hex(), created_at, kind, tags, content, sig.hex())


def kind_and_author(value: Any) -> tuple[int, bytes]:
    """The kind and the pubkey of a value. They stand before what takes time to decode.

    :param value: bytes or a buffer of them.
    """
    if value[:4] == _HEAD:
        _, end = _number(value, 36)
        kind, end = _number(value, end)
        if value[end : end + 2] == _KEY_HEAD:
            return kind, bytes(value[end + 2 : end + 34])
    event = decoded(value)
    return event.kind, bytes.fromhex(event.pubkey)


def _number(value: Any, at: int) -> tuple[int, int]:
    """A number, and where it ends."""
    first = value[at]
    size = _BYTES_OF_NUMBERS.get(first)
    if size is None:
        return first, at + 1
    end = at + 1 + size
    return int.from_bytes(value[at + 1 : end], "big"), end
