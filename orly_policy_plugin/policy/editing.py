"""Changes of single places of a policy file's text, of which all else stays as it is: the order,
the indentation, and members that only people read. Pure.

The text is JSON. It need not be a policy: whoever reads the result finds that out.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from json.decoder import scanstring  # type: ignore[attr-defined]  # where a text ends
from typing import Any, Final

import attrs

from .pubkeys import parse_pubkey

_DECODER: Final = json.JSONDecoder()
_BLANK: Final = re.compile(r"[ \t\r\n]*")
_LONGEST_LINE: Final = 88
_STEP: Final = "  "


class CannotEdit(Exception):
    """A place cannot be changed like this. In one line, without the place."""


Place = Sequence[str]
"""The names of members, from the outermost object in: ``rules``, ``1``, ``write_deny``."""
Edit = Callable[[str], str]
"""From a text to the text after a change.

:raises CannotEdit: it is not possible; nothing has changed.
"""


@attrs.frozen
class _Part:
    """A member of an object, or an item of a list, in the text."""

    name: str
    """Of a member; empty of an item."""
    begin: int
    """Where the member begins: its name, or the item."""
    value_begin: int
    end: int


@attrs.frozen
class _Parts:
    """An object, or a list, in the text."""

    begin: int
    """Of its bracket."""
    end: int
    """Behind its bracket."""
    parts: Sequence[_Part]

    def named(self, name: str) -> _Part | None:
        return next((part for part in self.parts if part.name == name), None)


# --- the changes


def assigned(text: str, place: Place, value: object) -> str:
    """Give a place a value, whether or not it has one. Objects on the way are made."""
    found, rest = _deepest(text, place)
    if not rest:
        assert isinstance(found, _Part)
        made = _json(value, _indent_at(text, found.begin), is_long=_is_long(text))
        return _replaced(text, found.value_begin, found.end, made)
    name, *inner = rest
    for each in reversed(inner):
        value = {each: value}
    return _with_part(text, _inside(text, found, place), value, name)


def extended(text: str, place: Place, items: Sequence[object]) -> str:
    """Add items to a list, behind those that it has; an item that is there is left."""
    found, rest = _deepest(text, place)
    if rest:
        return assigned(text, place, list(items))
    for item in items:
        found, _ = _deepest(text, place)
        listed = _list_of(text, found)
        if not any(_is_same(_value(text, each), item) for each in listed.parts):
            text = _with_part(text, listed, item)
    return text


def reduced(text: str, place: Place, items: Sequence[object]) -> str:
    """Take items away from a list.

    :raises CannotEdit: one is not there.
    """
    for item in items:
        found, rest = _deepest(text, place)
        if rest:
            raise CannotEdit("there is no such list")
        listed = _list_of(text, found)
        same = [part for part in listed.parts if _is_same(_value(text, part), item)]
        if not same:
            raise CannotEdit(f"{json.dumps(item, ensure_ascii=False)} is not in it")
        for part in reversed(same):
            text = _without(text, _list_of(text, _deepest(text, place)[0]), part)
    return text


def removed(text: str, place: Place) -> str:
    """Take a member away.

    :raises CannotEdit: it is not there.
    """
    found, rest = _deepest(text, place)
    if rest or not isinstance(found, _Part):
        raise CannotEdit("there is no such member")
    outer, _ = _deepest(text, place[:-1])
    return _without(text, _inside(text, outer, place), found)


# --- finding


def _deepest(text: str, place: Place) -> tuple["_Part | None", Sequence[str]]:
    """The innermost part on the way to a place that is there, and the names that are not;
    ``None`` for the whole text.
    """
    found: _Part | None = None
    for i, name in enumerate(place):
        inside = _inside(text, found, place)
        part = inside.named(name)
        if part is None:
            return found, place[i:]
        found = part
    return found, ()


def _inside(text: str, part: "_Part | None", place: Place) -> _Parts:
    """The members of an object.

    :raises CannotEdit: it is none.
    """
    begin = _skip(text, 0) if part is None else part.value_begin
    if text[begin : begin + 1] != "{":
        outer = "the policy" if part is None else part.name
        raise CannotEdit(f"{outer} is no object, so that it has no member {place[-1]}")
    return _parts(text, begin)


def _list_of(text: str, part: "_Part | None") -> _Parts:
    """:raises CannotEdit: it is no list."""
    if part is None or text[part.value_begin] != "[":
        raise CannotEdit("it is no list; = gives it a value")
    return _parts(text, part.value_begin)


def _parts(text: str, begin: int) -> _Parts:
    parts = list(_scanned(text, begin))
    end = _skip(text, parts[-1].end if parts else begin + 1) + 1
    return _Parts(begin, end, parts)


def _scanned(text: str, begin: int) -> Iterator[_Part]:
    """The parts of a well-formed object or list."""
    is_object = text[begin] == "{"
    at = _skip(text, begin + 1)
    while text[at] not in "}]":
        start, name = at, ""
        if is_object:
            name, at = scanstring(text, at + 1, True)
            at = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, at)
        yield _Part(name, start, at, end)
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    assert found
    return found.end()


def _value(text: str, part: _Part) -> Any:
    return _DECODER.raw_decode(text, part.value_begin)[0]


def _is_same(one: object, other: object) -> bool:
    """Whether two items are the same; a key may be written in several ways."""
    return (type(one), one) == (type(other), other) or (
        isinstance(one, str) and isinstance(other, str) and _key(one) == _key(other) is not None
    )


def _key(text: str) -> str | None:
    try:
        return parse_pubkey(text)
    except ValueError:
        return None


# --- writing


def _with_part(text: str, parts: _Parts, value: object, name: str | None = None) -> str:
    """Add a part at the end, as those before it are laid out."""
    is_long = _is_long(text) if not parts.parts else "\n" in text[parts.begin : parts.end]
    indent = _indent_at(text, parts.begin)
    goes_on = is_long and bool(parts.parts)
    inner = _indent_at(text, parts.parts[0].begin) if goes_on else indent + _STEP
    made = _json(value, inner, is_long=is_long)
    if name is not None:
        made = f"{json.dumps(name, ensure_ascii=False)}: {made}"
    if parts.parts:
        between = f",\n{inner}" if is_long else ", "
        return _replaced(text, parts.parts[-1].end, parts.parts[-1].end, between + made)
    opening, closing = text[parts.begin], text[parts.end - 1]
    if is_long and name is not None:
        made = f"\n{inner}{made}\n{indent}"
    return _replaced(text, parts.begin, parts.end, f"{opening}{made}{closing}")


def _without(text: str, parts: _Parts, part: _Part) -> str:
    """Take a part away, with its comma."""
    at = parts.parts.index(part)
    if at + 1 < len(parts.parts):
        return _replaced(text, part.begin, parts.parts[at + 1].begin, "")
    if at:
        return _replaced(text, parts.parts[at - 1].end, part.end, "")
    return _replaced(text, parts.begin + 1, parts.end - 1, "")


def _json(value: object, indent: str, *, is_long: bool) -> str:
    """A value as it is written on a line that begins with this.

    :param is_long: whether it may take several lines.
    """
    short = json.dumps(value, ensure_ascii=False)
    is_short = len(indent) + len(short) <= _LONGEST_LINE and not isinstance(value, dict)
    if not is_long or is_short or not isinstance(value, dict | list) or not value:
        return short
    inner = indent + _STEP
    if isinstance(value, dict):
        begin, end = "{}"
        lines = [
            f"{json.dumps(name, ensure_ascii=False)}: {_json(each, inner, is_long=True)}"
            for name, each in value.items()
        ]
    else:
        begin, end = "[]"
        lines = [_json(each, inner, is_long=True) for each in value]
    return f"{begin}\n{inner}" + f",\n{inner}".join(lines) + f"\n{indent}{end}"


def _is_long(text: str) -> bool:
    return "\n" in text.strip()


def _indent_at(text: str, at: int) -> str:
    """The blanks with which the line of a place begins."""
    begin = text.rfind("\n", 0, at) + 1
    found = re.compile(r"[ \t]*").match(text, begin)
    assert found
    return found[0]


def _replaced(text: str, begin: int, end: int, new: str) -> str:
    return text[:begin] + new + text[end:]
