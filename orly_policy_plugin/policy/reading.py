"""From a policy file's bytes to a :class:`Policy`, or to everything that is wrong with it.

cattrs builds the models as their fields are declared, with the strict readers of :mod:`.values`
where its own would guess (``"false"`` is no bool, ``5.9`` no integer). Each reader reports all it
finds, and cattrs' error of a model, which has them all, is turned into problems with places.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from heapq import nsmallest
from itertools import chain, islice
from operator import eq
from typing import TypeVar

from cattrs import ClassValidationError, Converter
from cattrs.errors import ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn, override

from . import values
from .durations import Duration
from .fields import BOTH, Reader, fields_of, keys_of, prefixes_of
from .models import GlobalRule, KindLists, Policy, Rule, key_lists_of, lists_named
from .named_lists import (
    MOST_LISTS,
    SIGN,
    ListSource,
    contradicting,
    unknown_list,
    wrong_name,
)
from .problems import MOST_PROBLEMS, InvalidPolicy, Problem, did_you_mean
from .pubkeys import Pubkeys, parse_pubkey
from .regexes import Regex
from .strict_json import decode_policy_json

_MOST_HINTS = 5
"""Unknown keys of one object, or names of lists, for which a guess is made: each takes time."""

_T = TypeVar("_T")


def read_policy(content: bytes) -> Policy:
    """Read a policy file's content.

    :raises InvalidPolicy: with every problem of it.
    """
    return structure_policy(decode_policy(content))


def decode_policy(content: bytes) -> object:
    """The JSON value of a policy file's content.

    :raises InvalidPolicy: it is no JSON.
    """
    try:
        return decode_policy_json(content)
    except ValueError as error:
        raise InvalidPolicy([Problem("", str(error))]) from error


def structure_policy(value: object) -> Policy:
    """Make a policy of a decoded JSON value.

    :raises InvalidPolicy: with every problem of it.
    """
    try:
        policy = _CONVERTER.structure(value, Policy)
    except InvalidPolicy as error:
        raise InvalidPolicy(chain(error.problems, _unknown_lists_in(value))) from error
    found = chain(_contradictions(policy), _unknown_lists(policy))
    if problems := list(islice(found, MOST_PROBLEMS + 1)):
        raise InvalidPolicy(problems)
    return policy


def _contradictions(policy: Policy) -> Iterator[Problem]:
    if all(policy.rule_of_all.lifts_whitelist(access) for access in BOTH):
        for name in ("whitelist", "blacklist"):
            if getattr(policy.kind, name):
                yield Problem(
                    f"kind.{name}",
                    "cannot stand while global.read_allow_permissive and "
                    "global.write_allow_permissive are both true; set one of those to false",
                )


def _unknown_lists(policy: Policy) -> Iterator[Problem]:
    return _unknown(lists_named(policy), policy.lists)


def _unknown(named: Iterable[tuple[str, str]], known: Collection[str]) -> Iterator[Problem]:
    """A problem for each name, with its place, that no list has."""
    unknown = ((place, name) for place, name in named if name not in known)
    for i, (place, name) in enumerate(unknown):
        yield Problem(place, unknown_list(name, known if i < _MOST_HINTS else ()))


def _unknown_lists_in(value: object) -> Iterator[Problem]:
    """The same, of a value that is no policy: all that is wrong is told at once."""
    return _unknown(_lists_named_in(value), _members(_members(value).get("lists")))


def _lists_named_in(value: object) -> Iterator[tuple[str, str]]:
    members = _members(value)
    rules = [(f"rules.{kind}", rule) for kind, rule in _members(members.get("rules")).items()]
    for place, rule in [("global", members.get("global")), *rules]:
        for field in key_lists_of(Rule):
            written = _members(rule).get(field)
            for i, item in enumerate(written if isinstance(written, list) else ()):
                if isinstance(item, str) and item.startswith(SIGN):
                    name = item.removeprefix(SIGN)
                    if not wrong_name(name):
                        yield f"{place}.{field}[{i}]", name


def _members(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def by_kind(cls: type[_T], converter: Converter) -> Callable[[object, object], Mapping[int, _T]]:
    """A hook for an object whose keys are kinds and whose values are ``cls``."""

    def structure(value: object, _: object) -> Mapping[int, _T]:
        read = partial(_structured, converter, cls)
        return values.read_each(value, values.read_kind_key, read)

    return structure


def _structured(converter: Converter, cls: type[_T], value: object) -> _T:
    return converter.structure(value, cls)


Hint = Callable[[type, str], str]
"""From a model and an unknown key in it to what may have been meant: ``; did you mean …?``."""


def model(cls: type[_T], converter: Converter, hint: Hint) -> Callable[[object, object], _T]:
    """A hook for a model, as its fields are declared: an object, comments and nulls left out."""
    keys = keys_of(cls)
    overrides = {
        name: override(rename=field.key or None, struct_hook=field.read)
        for name, field in fields_of(cls).items()
    }
    prefixes = prefixes_of(cls)
    build = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True, **overrides)  # type: ignore[arg-type]

    def structure(value: object, _: object) -> _T:
        problems: list[Problem] = []
        members = values.checked_members(problems, value)
        for key, prefix in prefixes.items():
            if own := [name for name in members if name.startswith(prefix)]:
                members[key] = {name: members.pop(name) for name in own}
        try:
            made = build(members, cls)
        except ClassValidationError as error:
            problems += _problems_of(error, keys, prefixes, hint)
        if problems:
            raise InvalidPolicy(problems)
        return made

    return structure


def _problems_of(
    error: ClassValidationError, keys: Mapping[str, str], prefixes: Mapping[str, str], hint: Hint
) -> Iterator[Problem]:
    """The problems in cattrs' error of a model, each with its place: unknown keys come last.

    A fault that is no problem of the policy is raised.
    """
    of_fields, others = error.group_exceptions()
    for wrong, note in of_fields:
        if not isinstance(wrong, InvalidPolicy):
            raise wrong
        key = keys[note.name]
        place = "" if key in prefixes else key
        yield from (problem.within(place) for problem in wrong.problems)
    for other in others:
        if not isinstance(other, ForbiddenExtraKeysError):
            raise other
        for i, key in enumerate(nsmallest(MOST_PROBLEMS + 1, other.extra_fields)):
            yield Problem(key, f"unknown key{hint(other.cl, key) if i < _MOST_HINTS else ''}")


def _elsewhere(cls: type, key: str) -> str:
    """The key that may have been meant, here or in another part of the file."""
    for other, where in (
        (KindLists, "in 'kind'"),
        (Policy, "at the top of the file"),
        (Rule, "in 'global' or in a kind's rule"),
        (GlobalRule, "in 'global'"),
    ):
        if key in keys_of(other).values():
            return f" here; it belongs {where}"
    keys = keys_of(cls).values()
    if near := did_you_mean(key, keys):
        return near
    if key.isdecimal():
        return "; the rule of a kind stands in 'rules'"
    return f"; the keys here are {', '.join(keys)}" if len(keys) < 10 else ""


def read_key_list(value: object, _: object) -> Pubkeys:
    """A list of public keys and of names of lists."""
    return values.read_pubkeys(value, _, parse=_parse_key_or_name)


def _parse_key_or_name(value: object) -> str:
    if not (isinstance(value, str) and value.startswith(SIGN)):
        return parse_pubkey(value)
    if wrong := wrong_name(value.removeprefix(SIGN)):
        raise ValueError(wrong)
    return value


def _list_name(name: str) -> str:
    if wrong := wrong_name(name):
        raise InvalidPolicy([Problem("", wrong)])
    return name


def _by_name(converter: Converter) -> Reader:
    """A hook for the section of named lists."""

    def source(value: object) -> ListSource:
        made = converter.structure(value, ListSource)
        if problems := list(made.problems()):
            raise InvalidPolicy(problems)
        return made

    def structure(value: object, _: object) -> Mapping[str, ListSource]:
        members = values.read_members(value)
        if len(members) > MOST_LISTS:
            many = f"has {len(members)} lists; a policy has at most {MOST_LISTS}"
            raise InvalidPolicy([Problem("", many)])
        lists = values.read_each(members, _list_name, source)
        if problems := list(contradicting(lists)):
            raise InvalidPolicy(problems)
        return lists

    return structure


def make_converter(
    read_regex: Callable[..., Regex] = values.read_regex,
    read_pubkeys: Reader = read_key_list,
    read_kinds: Reader = values.read_kinds,
) -> Converter:
    """A converter that reads policies; for other models that hold parts of one, too."""
    converter = Converter(detailed_validation=True)
    # Not by a predicate: cattrs asks those after its own hooks for bool and str, which convert.
    converter.register_structure_hook(str, values.read_text)
    converter.register_structure_hook(bool, values.read_boolean)
    converter.register_structure_hook(Regex, read_regex)
    converter.register_structure_hook(Duration, values.read_duration)
    for type_, hook in (
        (Mapping[str, ListSource], _by_name(converter)),
        (Pubkeys, read_pubkeys),
        (tuple[int, ...], read_kinds),
        (Mapping[str, Regex], partial(values.read_tag_validation, read=read_regex)),
        (Mapping[int, Rule], by_kind(Rule, converter)),
    ):
        converter.register_structure_hook_func(partial(eq, type_), hook)
    for cls in (KindLists, Rule, GlobalRule, ListSource, Policy):
        converter.register_structure_hook(cls, model(cls, converter, _elsewhere))
    return converter


_CONVERTER = make_converter()
