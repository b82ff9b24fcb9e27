"""Is this JSON value an event of NIP-01? Before anything trusts a field's type. Pure."""

from typing import Final

from .events import FrozenEvent
from .hexes import is_hex32, is_hex64
from .kinds import LARGEST_KIND

FIELDS: Final = FrozenEvent._fields
"""The seven fields of NIP-01."""

_LARGEST_TIMESTAMP: Final = 2**63 - 1


class MalformedEvent(ValueError):
    """A JSON value that is no event; the text is one sentence for the client, without prefix."""


def read_event(value: object) -> FrozenEvent:
    """The event that a decoded JSON value is. Members that are not of NIP-01 are dropped. Whether
    the id and the signature are right is for whoever verifies.

    :raises MalformedEvent: it is none.
    """
    if problem := malformed(value):
        raise MalformedEvent(problem)
    assert isinstance(value, dict)
    return FrozenEvent.of_json(value)


def malformed(event: object) -> str | None:
    """What is wrong with the shape of an event that a client sent, or ``None``.

    Looks at the types and ranges of the seven fields only. Never raises.

    :param event: a decoded JSON value.
    :return: one sentence for the client, without prefix: ``tags[1][0] is not a text``.
    """
    if not isinstance(event, dict):
        return "an event is a JSON object"
    if missing := [name for name in FIELDS if name not in event]:
        return f"the event has no {' and no '.join(missing)}"
    return _wrong_scalar(event) or _wrong_tag(event["tags"])


def _wrong_scalar(event: dict[str, object]) -> str | None:
    for name in ("id", "pubkey"):
        if not is_hex32(event[name]):
            return f"{name} is not 64 lowercase hex characters"
    if not is_hex64(event["sig"]):
        return "sig is not 128 lowercase hex characters"
    for name, largest in (("created_at", _LARGEST_TIMESTAMP), ("kind", LARGEST_KIND)):
        value = event[name]
        if type(value) is not int:
            return f"{name} is not a whole number"
        if not 0 <= value <= largest:
            return f"{name} is not between 0 and {largest}"
    if not isinstance(content := event["content"], str):
        return "content is not a text"
    return "content is not Unicode" if not is_unicode(content) else None


def _wrong_tag(tags: object) -> str | None:
    if not isinstance(tags, list):
        return "tags is not a list"
    for i, tag in enumerate(tags):
        if not isinstance(tag, list):
            return f"tags[{i}] is not a list"
        if not tag:
            return f"tags[{i}] is empty: a tag has a name"
        if problem := _wrong_item(tag):
            return f"tags[{i}]{problem}"
    return None


def _wrong_item(tag: list[object]) -> str | None:
    for j, item in enumerate(tag):
        if not isinstance(item, str):
            return f"[{j}] is not a text"
        if not is_unicode(item):
            return f"[{j}] is not Unicode"
    return None


def is_unicode(text: str) -> bool:
    """Whether UTF-8 can hold a text. JSON can escape half a surrogate pair; no id can cover it."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
