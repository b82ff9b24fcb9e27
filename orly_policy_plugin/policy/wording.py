"""The words of a field: of its value in a summary, and of what a change of it comes to."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..counted import counted
from .durations import Duration
from .regexes import Regex

Phrases = Callable[[Any], Iterator[str]]
"""From a value that is set to what it says: a phrase, or one for each of its members."""

Texts = tuple[str, ...]
Direction = Callable[[Any, Any], tuple[Texts, Texts]]
"""From an old and a new value that differ to what is newly allowed, and newly refused; both empty
where that cannot be told. ``None`` is not set; lists come as sets, durations in seconds.
"""

_LONGEST = 60


def phrase(pattern: str, noun: str = "") -> Phrases:
    """A phrase with the value in it: ``Events up to {}``.

    :param noun: of what the value is a number, in the singular.
    """

    def words(value: Any) -> Iterator[str]:
        yield pattern.format(_amount(value, noun))

    return words


def phrase_each(pattern: str) -> Phrases:
    """A phrase for each of an object's members: ``{} tags match {}``."""

    def words(members: Mapping[str, Any]) -> Iterator[str]:
        return (pattern.format(name, _said(value)) for name, value in members.items())

    return words


def quotation(text: str) -> Iterator[str]:
    """Somebody's words in quotes, shortened."""
    if words := text.strip():
        yield f"“{words[:_LONGEST]}{'…' if len(words) > _LONGEST else ''}”"


def _amount(value: Any, noun: str) -> str:
    return counted(value, noun) if noun else _said(value)


def _said(value: Any) -> str:
    if isinstance(value, (Duration, Regex)):
        return value.text
    return ", ".join(value) if isinstance(value, tuple) else str(value)


# --- what a change comes to


def at_most(between: str, beyond: str, noun: str = "") -> Direction:
    """Of an upper limit. ``{}`` is for the values.

    :param noun: of what they are numbers, in the singular.
    """

    def lower(limit: int, was: int | None) -> Texts:
        if was is None:
            return (beyond.format(_amount(limit, noun)),)
        first = f"{limit + 1} to " if limit + 1 < was else ""
        return (between.format(first + _amount(was, noun)),)

    def direction(old: int | None, new: int | None) -> tuple[Texts, Texts]:
        if new is None or (old is not None and new > old):
            assert old is not None
            return lower(old, new), ()
        return (), lower(new, old)

    return direction


def if_set(refuses: str) -> Direction:
    """Of a condition that is there or not; from one to another nothing can be told. For a member
    of an object ``{}`` is for its name.
    """

    def direction(old: Any, new: Any) -> tuple[Texts, Texts]:
        if old is None:
            return (), (refuses,)
        return ((refuses,), ()) if new is None else ((), ())

    return direction


def each_required(without: str) -> Direction:
    """Of a list of which each item is required."""

    def direction(old: frozenset[str] | None, new: frozenset[str] | None) -> tuple[Texts, Texts]:
        was, is_now = old or frozenset(), new or frozenset()
        return _each(without, was - is_now), _each(without, is_now - was)

    return direction


def only_these(having: str, others: str) -> Direction:
    """Of a list besides which nothing may be; not set, everything may."""

    def all_others(items: frozenset[str]) -> Texts:
        return (others.format(", ".join(sorted(items))),)

    def direction(old: frozenset[str] | None, new: frozenset[str] | None) -> tuple[Texts, Texts]:
        if old is None:
            assert new is not None
            return (), all_others(new)
        if new is None:
            return all_others(old), ()
        return _each(having, new - old), _each(having, old - new)

    return direction


def cannot_be_told(_: Any, __: Any) -> tuple[Texts, Texts]:
    """Of what only a program knows."""
    return (), ()


def _each(pattern: str, items: frozenset[str]) -> Texts:
    return tuple(pattern.format(item) for item in sorted(items))
