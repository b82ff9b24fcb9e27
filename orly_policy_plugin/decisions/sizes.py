"""How many bytes an event takes (section 1 of SPEC.md): ``size_limit`` and ``content_limit``."""

import json

from orly_policy_hookspecs import Event

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Escapes just what the specification escapes: quote, backslash, and what is below 0x20, of which
``\\b \\t \\n \\f \\r`` in two bytes and the rest in six."""


def event_size(event: Event) -> int:
    """The length in bytes of the event as compact UTF-8 JSON with the seven fields of NIP-01."""
    compact = _encode(
        {
            "id": event.id,
            "pubkey": event.pubkey,
            "created_at": event.created_at,
            "kind": event.kind,
            "tags": event.tags,
            "content": event.content,
            "sig": event.sig,
        }
    )
    return _utf8_size(compact)


def content_size(event: Event) -> int:
    """The length in bytes of the content as UTF-8."""
    return _utf8_size(event.content)


def _utf8_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
