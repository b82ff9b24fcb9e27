"""The values of fields: strict readers, each reporting all that is wrong with its value.

Every function takes a decoded JSON value (and cattrs' target type, which does not matter) and
raises :class:`InvalidPolicy` with places relative to that value.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import isfinite
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

from .durations import Duration, parse_duration
from .problems import MOST_PROBLEMS, InvalidPolicy, Problem, did_you_mean
from .pubkeys import Pubkeys, parse_pubkey, parse_pubkeys
from .regexes import Regex, parse_regex
from .strict_json import JsonObject, NotJson, found

LARGEST_INTEGER: Final = 2**63 - 1
LARGEST_KIND: Final = 65535
ALL_KINDS: Final = frozenset(range(LARGEST_KIND + 1))
"""Those that an event may have."""

CRITERION_PREFIX: Final = "x_"
"""Of the names of fields that plugins add to rules."""
PluginSettings = Mapping[str, Any] | Literal[False]
"""A plugin's settings, as JSON values; ``False`` where it is switched off."""

_T = TypeVar("_T")
_K = TypeVar("_K")


def _fail(message: str) -> InvalidPolicy:
    return InvalidPolicy([Problem("", message)])


def _expected(what: str, value: object, hint: str = "") -> InvalidPolicy:
    return _fail(f"expected {what}, found {found(value)}{hint}")


def _whole(value: object) -> str:
    """The hint for a number in quotes, or with a fraction."""
    if isinstance(value, str) and value.isdecimal():
        return "; write it without quotes"
    return f"; write {int(value)}" if isinstance(value, float) and isfinite(value) else ""


def read_text(value: object, _: object = None) -> str:
    """Any text that UTF-8 can hold."""
    if not isinstance(value, str):
        raise _expected("a text in double quotes", value)
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise _fail(f"{value!r:.60} is not Unicode: it has half of a surrogate pair")
    return value


def read_script(value: object, _: object = None) -> str:
    """The path of a script; whether it is there is for whoever starts it."""
    text = read_text(value)
    if not text or "\0" in text:
        raise _fail("expected the path of a script, found an empty text; remove the key")
    return text


def read_boolean(value: object, _: object = None) -> bool:
    """``true`` or ``false``, unquoted."""
    if not isinstance(value, bool):
        guess = {"true": "true", "false": "false", "1": "true", "0": "false"}
        near = guess.get(str(value).lower()) if isinstance(value, (str, int)) else None
        hint = f"; write {near} without quotes" if near else ""
        raise _expected("true or false", value, hint)
    return value


def whole_number(unit: str) -> Callable[[object, object], int]:
    """A reader of whole numbers of ``unit``, 0 to 2**63 - 1."""

    def read(value: object, _: object) -> int:
        if type(value) is not int:
            raise _expected(f"a whole number of {unit}", value, _whole(value))
        if not 0 <= value <= LARGEST_INTEGER:
            why = "is negative" if value < 0 else "is over 64 bits"
            raise _fail(f"expected a number of {unit} from 0 up, but {value} {why}")
        return value

    return read


def read_duration(value: object, _: object) -> Duration:
    """An ISO-8601 duration."""
    if type(value) is int and value > 0:
        raise _fail(f"expected an ISO-8601 duration, found a number; write 'PT{value}S'")
    return _parsed(parse_duration, read_text(value))


def read_regex(value: object, _: object = None) -> Regex:
    """A regular expression in RE2's syntax."""
    if not (text := read_text(value)):
        raise _fail("expected a regular expression, found an empty text; remove the key")
    return _parsed(parse_regex, text)


def _parsed(parse: Callable[[str], _T], text: str) -> _T:
    try:
        return parse(text)
    except ValueError as error:
        raise _fail(str(error)) from error


def read_default_policy(value: object, _: object) -> str:
    """``allow`` (also where empty) or ``deny``."""
    if value not in ("", "allow", "deny"):
        near = did_you_mean(value, ("allow", "deny")) if isinstance(value, str) else ""
        raise _expected("'allow' or 'deny'", value, near)
    return str(value) or "allow"


def _list(value: object, of: str) -> list[object]:
    if not isinstance(value, list):
        hint = "; put it in [brackets]" if isinstance(value, (str, int)) else ""
        raise _expected(f"a list of {of}", value, hint)
    return value


def each(values: Iterable[tuple[str, object]], read: Callable[[Any], _T]) -> list[_T]:
    """Read each value, and report those that fail together, each with its place."""
    made: list[_T] = []
    problems: list[Problem] = []
    for place, value in values:
        try:
            made.append(read(value))
        except InvalidPolicy as error:
            problems += [problem.within(place) for problem in error.problems]
            if len(problems) > MOST_PROBLEMS:
                break
    if problems:
        raise InvalidPolicy(problems)
    return made


def _indexed(values: list[object]) -> Iterator[tuple[str, object]]:
    return ((f"[{i}]", value) for i, value in enumerate(values))


def checked(problems: list[Problem], read: Callable[[Any], _T], value: object) -> _T | None:
    """Read a value; where that fails, add the problems to the list and return ``None``."""
    try:
        return read(value)
    except InvalidPolicy as error:
        problems += error.problems
        return None


def read_pubkeys(
    value: object, _: object, *, parse: Callable[[object], str] = parse_pubkey
) -> Pubkeys:
    """A list of public keys, hex or ``npub1…``.

    :param parse: takes what is not in the engine's form.
    """
    keys, problems = parse_pubkeys(_list(value, "public keys"), parse)
    if problems:
        raise InvalidPolicy(problems)
    return keys


def _tag_name(value: object) -> str:
    if not (text := read_text(value)):
        raise _fail("a tag's name is not empty")
    if len(text) == 2 and text[0] == "#":
        raise _fail(f"{text!r} is how a filter names it; write {text[1]!r}")
    return text


def read_tag_names(value: object, _: object) -> tuple[str, ...]:
    """A list of tag names."""
    return tuple(each(_indexed(_list(value, "tag names")), _tag_name))


def read_kind(value: object) -> int:
    """A kind, 0 to 65535."""
    if type(value) is not int:
        raise _expected("a kind, a whole number", value, _whole(value))
    if value not in ALL_KINDS:
        raise _no_kind(str(value))
    return value


def _no_kind(text: str) -> InvalidPolicy:
    return _fail(f"{text:.40} is not a kind: kinds go from 0 to {LARGEST_KIND}")


def read_kind_key(key: str) -> int:
    """A kind as a key of ``rules``: decimal, without sign, space or leading zero."""
    if not (key.isascii() and key.isdecimal() and (key == "0" or key[0] != "0")):
        numbers = re.findall(r"\d+", key, re.ASCII)
        hint = f"; write {numbers[0].lstrip('0') or '0'!r}" if len(numbers) == 1 else ""
        raise _fail(f"{key!r:.60} is not a kind in plain digits{hint:.40}")
    if len(key) > len(str(LARGEST_KIND)):
        raise _no_kind(key)
    return read_kind(int(key))


def read_kinds(value: object, _: object) -> tuple[int, ...]:
    """A list of kinds."""
    kinds = _list(value, "kinds")
    if set(map(type, kinds)) <= {int} and ALL_KINDS.issuperset(kinds):
        return tuple(kinds)  # type: ignore[arg-type]  # looked at all
    return tuple(each(_indexed(kinds), read_kind))  # the places are needed


def read_members(value: object, *, comments: bool = True) -> JsonObject:
    """An object's members without comments and nulls; a key that occurs twice is reported."""
    if not isinstance(value, dict):
        raise _expected("an object in braces", value)

    def counts(key: str) -> bool:
        return not (comments and key.startswith(("_", "$")))

    members = JsonObject(
        (key, member) for key, member in value.items() if member is not None and counts(key)
    )
    if twice := [key for key in getattr(value, "duplicates", ()) if counts(key)]:
        raise InvalidPolicy(
            Problem("", f"the key {key!r} occurs more than once; keep one") for key in twice
        )
    return members


def checked_members(
    problems: list[Problem], value: object, *, comments: bool = True
) -> JsonObject:
    """Like :func:`read_members`, but a key that occurs twice is added to the problems.

    :raises InvalidPolicy: it is no object.
    """
    try:
        return read_members(value, comments=comments)
    except InvalidPolicy as error:
        if not isinstance(value, dict):
            raise
        problems += error.problems
        return read_members(dict(value), comments=comments)


def read_each(
    value: object,
    read_key: Callable[[str], _K],
    read: Callable[[Any], _T],
    *,
    comments: bool = True,
) -> Mapping[_K, _T]:
    """Read each key and value of an object, and report those that fail together with keys that
    occur twice.
    """

    def entry(key_and_value: tuple[str, object]) -> tuple[_K, _T]:
        """A key and its value, with the problems of both."""
        problems: list[Problem] = []
        key = checked(problems, read_key, key_and_value[0])
        made = checked(problems, read, key_and_value[1])
        if key is None or made is None:
            raise InvalidPolicy(problems)
        return key, made

    problems: list[Problem] = []
    members = checked_members(problems, value, comments=comments)
    entries = ((key, (key, member)) for key, member in members.items())
    made = checked(problems, lambda entries: each(entries, entry), entries)
    if problems or made is None:
        raise InvalidPolicy(problems)
    return MappingProxyType(dict(made))


def read_plugins(value: object, _: object) -> Mapping[str, PluginSettings]:
    """Plugins' settings by name: an object, or ``false`` for a plugin that is not asked."""
    return read_each(value, read_text, _plugin_settings)


def _plugin_settings(value: object) -> PluginSettings:
    if value is False:
        return False
    if not isinstance(value, dict):
        hint = "; a plugin without a section, or with {}, is asked" if value is True else ""
        raise _expected("an object in braces, or false", value, hint)
    settings: Mapping[str, Any] = read_json(value)
    return settings


def read_criteria(value: object, _: object) -> Mapping[str, Any]:
    """Values of criteria by name. Whether there are such criteria, and what the values mean, is
    for their plugins to say.
    """
    return read_each(value, read_text, read_json)


def read_json(value: object) -> Any:
    """Any JSON value, for whoever knows what it means. Comments and nulls are left out."""
    if isinstance(value, list):
        return each(_indexed(value), read_json)
    if isinstance(value, NotJson):
        raise _fail(f"found {value}")
    if not isinstance(value, dict):
        return read_text(value) if isinstance(value, str) else value
    return dict(read_each(value, read_text, read_json))


def read_tag_validation(
    value: object, _: object, *, read: Callable[[Any], Regex] = read_regex
) -> Mapping[str, Regex]:
    """Tag names with their regular expressions, each read so; no name is a comment here."""
    return read_each(value, read_text, read, comments=False)
