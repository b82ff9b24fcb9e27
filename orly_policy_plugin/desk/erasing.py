"""Leaving out parts of an entry that JSON pointers (RFC 6901) name. Pure."""

from collections.abc import Iterable
from typing import Any, Final

from ..errors import PolicyError

CONTENTS: Final = ("/input/event/content", "/input/event/tags", "/input/event/sig")
"""What an author has written."""


def read_pointer(text: str) -> str:
    """A pointer that can be used.

    :raises PolicyError: it is none.
    """
    if not text.startswith("/") or text == "/":
        raise PolicyError(
            f"{text!r:.80} is no JSON pointer into an entry of the decision log, such as "
            "/input/event/content"
        )
    return text


def erase(entry: dict[str, Any], pointers: Iterable[str]) -> dict[str, Any]:
    """The entry without what the pointers name; ``erased`` lists those that have found something,
    as OPA's decision log does. The entry given stays as it is.
    """
    erased = []
    for pointer in pointers:
        steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/")]
        without = _without(entry, steps)
        if without is not entry:
            entry = without
            erased.append(pointer)
    return {**entry, "erased": erased} if erased else entry


def _without(value: Any, steps: list[str]) -> Any:
    """A copy without what the steps lead to; the very value where they lead nowhere."""
    step, *further = steps
    if isinstance(value, dict) and step in value:
        if not further:
            return {name: member for name, member in value.items() if name != step}
        inner = _without(value[step], further)
        return value if inner is value[step] else {**value, step: inner}
    if isinstance(value, list) and step.isascii() and step.isdecimal() and int(step) < len(value):
        i = int(step)
        if not further:
            return [*value[:i], *value[i + 1 :]]
        inner = _without(value[i], further)
        return value if inner is value[i] else [*value[:i], inner, *value[i + 1 :]]
    return value
