"""JSON that loses nothing: duplicate keys, ``NaN`` and endless numbers are kept to be reported."""

import json
import re
from typing import Any, Final

import attrs

MOST_PARTS = 250_000
"""Lists and objects of a policy: those of 65,536 rules with three lists each. Each costs Python's
parser a microsecond, in which no other thread can run."""

MOST_NESTED = 32
"""Lists and objects within each other: a fixed number, so that what is read once is read again,
however deep the stack of whoever reads it is."""

_MOST_DIGITS = 20
MOST_COMMAS: Final = 500_000
"""Besides one a public key: all decisions wait while a text is parsed, mostly for its values."""
_BYTES_A_KEY: Final = 64
_ENDLESS = re.compile(rf"[0-9]{{{_MOST_DIGITS}}}", re.ASCII)


class JsonObject(dict[str, Any]):
    """A JSON object that remembers which of its keys occur twice."""

    duplicates: tuple[str, ...] = ()


@attrs.frozen
class NotJson:
    """A value that Python's parser takes and JSON (or 64 bits) does not."""

    text: str

    def __str__(self) -> str:
        if self.text.endswith("…"):
            return f"the number {self.text}, which is over 64 bits"
        return f"{self.text}, which is not JSON"


def decode_json(content: bytes) -> Any:
    """The value of a JSON text. Objects come as :class:`JsonObject`.

    :raises ValueError: it is not UTF-8 or not JSON; the message has the line and the column.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = "a binary file" if b"\0" in content else "not UTF-8 text"
        raise ValueError(f"this is {what} (byte {error.start}), a JSON text is needed") from error
    if not text.strip():
        raise ValueError("this is empty; the smallest policy is {}")
    try:
        # Only a text with so many digits in a row needs a call of ours for each number.
        integer = _integer if _ENDLESS.search(text) else None
        value = json.loads(
            text, object_pairs_hook=_object, parse_int=integer, parse_constant=NotJson
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        what = error.msg.removesuffix(" starting at")
        raise ValueError(f"this is not JSON: {what} at {place}{_hint(error)}") from error
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    if _is_too_deep(value):
        raise ValueError(_TOO_DEEP)
    return value


_TOO_DEEP = "this is nested too deeply for a policy"


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MOST_NESTED):
        level = [member for each in level for member in _members(each) if _holds(member)]
        if not level:
            return False
    return True


def _members(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _holds(value: Any) -> bool:
    return value.__class__ is list or value.__class__ is JsonObject


def decode_policy_json(content: bytes, most_parts: int = MOST_PARTS) -> Any:
    """Like :func:`decode_json`, of a text that may be megabytes of nonsense.

    :raises ValueError: the same, or it has more than so many lists and objects.
    """
    if (parts := content.count(b"[") + content.count(b"{")) > most_parts:
        raise ValueError(f"this has {parts} brackets and braces, a policy at most {most_parts}")
    most_commas = MOST_COMMAS + len(content) // _BYTES_A_KEY
    if (commas := content.count(b",")) > most_commas:
        raise ValueError(f"this has {commas} commas, a policy of its size at most {most_commas}")
    return decode_json(content)


def shortened(text: str, most: int) -> str:
    """The text, or its beginning with an ellipsis."""
    return text if len(text) <= most else f"{text[:most]}…"


def found(value: object) -> str:
    """A value in words, for messages: lists and objects are not shown, for they may be
    long, and nested deeper than ``repr`` goes.
    """
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value!r:.60}"
        case str():
            return f"the text {shortened(value, 60)!r}"
        case NotJson():
            return str(value)
        case _:
            return "a list" if isinstance(value, list) else "an object"


def _object(pairs: list[tuple[str, Any]]) -> JsonObject:
    made = JsonObject(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        made.duplicates = tuple(
            dict.fromkeys(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        )
    return made


def _integer(digits: str) -> int | NotJson:
    return int(digits) if len(digits) <= _MOST_DIGITS else NotJson(f"{digits[:_MOST_DIGITS]}…")


def _hint(error: json.JSONDecodeError) -> str:
    """The usual slips of the hand."""
    before, rest = error.doc[: error.pos].rstrip(), error.doc[error.pos :]
    if not rest.strip() or error.msg.startswith("Unterminated"):
        return " (the end is missing: was it saved only half?)"
    if rest.startswith(("//", "/*", "#")):
        return ' (JSON has no comments; a key like "_note" is one here)'
    if rest.startswith("'"):
        return " (JSON takes double quotes)"
    # Python 3.13 stops at a comma before a bracket, older ones stop at the bracket.
    if "," in (before[-1:], rest[:1]) and rest.lstrip(",").lstrip().startswith(("]", "}")):
        return " (remove the comma)"
    return ""
