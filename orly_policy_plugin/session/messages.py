"""Read and write the messages of NIP-01, 42, 45 and 77. Pure."""

import json
import re
from typing import Any, Final

import attrs
import orjson

from orly_policy_hookspecs.nip01 import FrozenEvent, is_unicode

from ..counted import counted
from .settings import SUBSCRIPTION_ID_LENGTH, SessionSettings

_TEXT: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_ALL_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(each for each in range(256) if each not in b"[]{}")


class NoMessage(ValueError):
    """A client sent what is no message; the text says why."""

    def __init__(self, why: str, event_id: str | None = None) -> None:
        """:param event_id: where it is an EVENT nevertheless, which is answered with an OK."""
        super().__init__(why)
        self.event_id = event_id


@attrs.frozen
class ClientMessage:
    """A message of a client, of whichever command."""

    command: str
    """``EVENT``, ``REQ``, …"""
    rest: list[Any]
    """Decoded JSON values, at least one."""
    size_bytes: int
    """As it came."""

    @property
    def subscription(self) -> str | None:
        """The subscription id, the first value; ``None`` where that is none."""
        first = self.rest[0]
        is_id = isinstance(first, str) and 0 < len(first) <= SUBSCRIPTION_ID_LENGTH
        return first if is_id else None


def read_message(text: str | bytes, settings: SessionSettings) -> ClientMessage:
    """Read what a client sent.

    :raises NoMessage: it is too large, or is no message.
    """
    encoded = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(encoded) > settings.message_bytes:
        raise NoMessage(
            f"a message has {counted(len(encoded), 'byte')}, "
            f"at most {settings.message_bytes} may be"
        )
    try:
        value = orjson.loads(encoded)
    except orjson.JSONDecodeError as error:
        raise NoMessage(f"this is no JSON: {error}", _event_id_in(encoded)) from error
    if not (isinstance(value, list) and len(value) > 1 and isinstance(value[0], str)):
        raise NoMessage("a message is a list of a command and what belongs to it")
    if not _is_nested_at_most(encoded, settings.nesting):
        why = f"a message is nested at most {settings.nesting} deep"
        raise NoMessage(why, id_of(value[1]) if value[0] == "EVENT" else None)
    return ClientMessage(value[0], value[1:], len(encoded))


def _event_id_in(encoded: bytes) -> str | None:
    """The id in an EVENT that is JSON but no Unicode: half a surrogate pair can be escaped."""
    try:
        value = json.loads(encoded)
    except (ValueError, RecursionError):
        return None
    return id_of(value[1]) if isinstance(value, list) and value[:1] == ["EVENT"] else None


def _is_nested_at_most(encoded: bytes, depth: int) -> bool:
    """Whether lists and objects are nested at most so deep. Told by the text, as a message of 1 MB
    may have half a million values.
    """
    brackets = _TEXT.sub(b"", encoded).translate(_ALL_SQUARE, _NO_BRACKETS)
    for _ in range(depth):
        brackets = brackets.replace(b"[]", b"")
    return not brackets


def encoded_event(event: FrozenEvent) -> bytes:
    """An event as compact JSON."""
    event_id, pubkey, created_at, kind, tags, content, sig = event
    return orjson.dumps(
        {
            "id": event_id,
            "pubkey": pubkey,
            "created_at": created_at,
            "kind": kind,
            "tags": tags,
            "content": content,
            "sig": sig,
        }
    )


@attrs.define(init=False, eq=False)  # frozen, it would take twice as long to make
class Message:
    """A message to a client. Several may share the bytes of an event."""

    start: bytes
    event: bytes
    end: bytes
    size_bytes: int

    def __init__(self, start: bytes, event: bytes = b"", end: bytes = b"") -> None:
        self.start, self.event, self.end = start, event, end
        self.size_bytes = len(start) + len(event) + len(end)

    def __bytes__(self) -> bytes:
        """As it is sent."""
        return self.start + self.event + self.end

    def __str__(self) -> str:
        """As it is sent."""
        return bytes(self).decode()


def _plain(*parts: object) -> Message:
    return Message(orjson.dumps(parts))


def event_start(subscription: str) -> bytes:
    """The bytes before the event in every EVENT of a subscription."""
    return b'["EVENT",%s,' % orjson.dumps(subscription)


_END: Final = b"]"


def event_message(start: bytes, event: bytes) -> Message:
    """EVENT.

    :param start: see :func:`event_start`.
    :param event: see :func:`encoded_event`.
    """
    return Message(start, event, _END)


def ok(event_id: str, *, accepted: bool, message: str = "") -> Message:
    """The answer to an EVENT or AUTH."""
    return _plain("OK", event_id, accepted, message)


def eose(subscription: str) -> Message:
    """All that is stored has been sent."""
    return _plain("EOSE", subscription)


def closed(subscription: str, reason: str) -> Message:
    """A subscription is not served, or no longer."""
    return _plain("CLOSED", subscription, reason)


def refusal(message: ClientMessage, reason: str) -> Message:
    """The answer to a message that is not taken."""
    match message.command:
        case "EVENT" | "AUTH":
            return ok(id_of(message.rest[0]), accepted=False, message=reason)
        case "REQ" | "COUNT" if message.subscription is not None:
            return closed(message.subscription, reason)
        case _:
            return notice(reason)


def id_of(value: object) -> str:
    """The id to answer an event with: the client's own; empty where it is no text."""
    event_id = value.get("id") if isinstance(value, dict) else None
    return event_id if isinstance(event_id, str) and is_unicode(event_id) else ""


def count(subscription: str, number: int) -> Message:
    """The answer to a COUNT (NIP-45)."""
    return _plain("COUNT", subscription, {"count": number})


def notice(text: str) -> Message:
    """Something for people to read."""
    return _plain("NOTICE", text)


def auth(challenge: str) -> Message:
    """The challenge of NIP-42."""
    return _plain("AUTH", challenge)


def neg_err(subscription: str, reason: str) -> Message:
    """NIP-77: no set is reconciled here."""
    return _plain("NEG-ERR", subscription, reason)
