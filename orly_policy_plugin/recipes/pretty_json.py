"""JSON for people: what fits into a line is in one."""

import json
from collections.abc import Iterator
from typing import Any, Final

_COLUMNS: Final = 80
_STEP: Final = "  "


def pretty_json(value: Any, indent: str = "", before: int = 0) -> str:
    """A JSON value, with lists and objects that are too long for a line in several.

    :param indent: of the line that it is in.
    :param before: the number of characters before it in its line.
    """
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + before + len(line) < _COLUMNS or not isinstance(value, (list, dict)):
        return line
    inner = indent + _STEP
    members = ",\n".join(f"{inner}{member}" for member in _members(value, inner))
    opening, closing = "[]" if isinstance(value, list) else "{}"
    return f"{opening}\n{members}\n{indent}{closing}"


def _filled(items: list[str], before: int) -> Iterator[str]:
    """Items of a list, as many in a line as fit."""
    line = ""
    for item in items:
        longer = f"{line}, {item}" if line else item
        if line and before + len(longer) >= _COLUMNS:
            yield line
            longer = item
        line = longer
    yield line


def _members(value: "list[Any] | dict[str, Any]", indent: str) -> Iterator[str]:
    if isinstance(value, list):
        yield from _filled([pretty_json(each, indent) for each in value], len(indent))
    else:
        for key, each in value.items():
            name = f"{json.dumps(key, ensure_ascii=False)}: "
            yield name + pretty_json(each, indent, len(name))
