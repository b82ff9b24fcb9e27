"""From a policy file's bytes to a :class:`Policy`, or to everything that is wrong with it.

cattrs builds the models with the strict hooks of :mod:`.fields` where its own would guess
(``"false"`` is no bool, ``5.9`` no integer). Each hook reports all it finds, and the error tree
that cattrs makes of that is turned into problems with places.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TypeVar

import attrs
from cattrs import BaseValidationError, ClassValidationError, Converter
from cattrs.errors import ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn, override

from . import fields
from .durations import Duration
from .models import GlobalRule, KindLists, Policy, Pubkeys, Rule
from .problems import InvalidPolicy, Problem, did_you_mean
from .regexes import Regex
from .strict_json import decode_json

_T = TypeVar("_T")


def read_policy(content: bytes) -> Policy:
    """Read a policy file's content.

    :raises InvalidPolicy: with every problem of it.
    """
    try:
        value = decode_json(content)
    except ValueError as error:
        raise InvalidPolicy([Problem("", str(error))]) from error
    return structure_policy(value)


def structure_policy(value: object) -> Policy:
    """Make a policy of a decoded JSON value.

    :raises InvalidPolicy: with every problem of it.
    """
    try:
        policy = _CONVERTER.structure(value, Policy)
    except (BaseValidationError, InvalidPolicy) as error:
        raise InvalidPolicy(_problems(error)) from error
    if problems := list(_contradictions(policy)):
        raise InvalidPolicy(problems)
    return policy


def _contradictions(policy: Policy) -> Iterator[Problem]:
    rule = policy.global_rule
    if rule and rule.read_allow_permissive and rule.write_allow_permissive:
        for name in ("whitelist", "blacklist"):
            if getattr(policy.kind, name):
                yield Problem(
                    f"kind.{name}",
                    "has no use while global.read_allow_permissive and "
                    "global.write_allow_permissive are both true; remove one of the three",
                )


def _rules(value: object, _: object) -> Mapping[int, Rule]:
    entries = fields.read_members(value).items()
    return MappingProxyType(dict(fields.each(((key, (key, rule)) for key, rule in entries), _rule)))


def _rule(entry: tuple[str, object]) -> tuple[int, Rule]:
    """A kind and its rule, with the problems of both."""
    key, value = entry
    problems: list[Problem] = []
    kind = fields.checked(problems, fields.read_kind_key, key)
    rule = fields.checked(problems, lambda value: _CONVERTER.structure(value, Rule), value)
    if kind is None or rule is None:
        raise InvalidPolicy(problems)
    return kind, rule


_FILE_NAMES = {"global_rule": "global"}
"""Fields that cannot bear their key's name in Python."""

_HOOKS = {
    "size_limit": fields.limit("bytes"),
    "content_limit": fields.limit("bytes"),
    "rate_limit": fields.limit("bytes per second"),
    "max_expiry": fields.limit("seconds"),
    "max_age_of_event": fields.limit("seconds"),
    "max_age_event_in_future": fields.limit("seconds"),
    "must_have_tags": fields.read_tag_names,
    "allowed_tags": fields.read_tag_names,
    "script": fields.read_script,
    "default_policy": fields.read_default_policy,
}
"""Fields whose type alone does not say how they are read."""


def _model(cls: type[_T], converter: Converter) -> Callable[[object, object], _T]:
    """A hook for one of the models: an object, comments and nulls left out."""
    overrides = {
        name: override(rename=_FILE_NAMES.get(name), struct_hook=_HOOKS.get(name))
        for name in (field.name for field in attrs.fields(cls))  # type: ignore[arg-type]
        if name in _FILE_NAMES or name in _HOOKS
    }
    build = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True, **overrides)  # type: ignore[arg-type]

    def structure(value: object, _: object) -> _T:
        problems: list[Problem] = []
        members = fields.checked(problems, fields.read_members, value)
        if members is None:
            if not isinstance(value, dict):
                raise InvalidPolicy(problems)
            members = fields.read_members(dict(value))
        try:
            made = build(members, cls)
        except BaseValidationError as error:
            problems += _problems(error)
        if problems:
            raise InvalidPolicy(problems)
        return made  # type: ignore[no-any-return]

    return structure


def _problems(error: BaseException, place: str = "") -> Iterator[Problem]:
    """The problems in an error tree, each with its place."""
    if isinstance(error, InvalidPolicy):
        for problem in error.problems:
            yield problem.within(place)
    elif isinstance(error, ClassValidationError):
        with_notes, without = error.group_exceptions()
        for inner, note in with_notes:
            yield from _problems(inner, _FILE_NAMES.get(note.name, note.name))
        for other in without:
            yield from _problems(other, place)
    elif isinstance(error, ForbiddenExtraKeysError):
        for key in sorted(error.extra_fields):
            yield Problem(key, f"unknown key{_elsewhere(error.cl, key)}").within(place)
    else:
        raise error


def _elsewhere(cls: type, key: str) -> str:
    """The key that may have been meant, here or in another part of the file."""
    for other, where in (
        (KindLists, "in 'kind'"),
        (Policy, "at the top of the file"),
        (Rule, "in 'global' or in a kind's rule"),
        (GlobalRule, "in 'global'"),
    ):
        if key in _keys(other):
            return f" here; it belongs {where}"
    if near := did_you_mean(key, _keys(cls)):
        return near
    if key.isdecimal():
        return "; the rule of a kind stands in 'rules'"
    return f"; the keys here are {', '.join(_keys(cls))}" if len(_keys(cls)) < 10 else ""


def _keys(cls: type) -> list[str]:
    return [_FILE_NAMES.get(field.name, field.name) for field in attrs.fields(cls)]


def _make_converter() -> Converter:
    converter = Converter(detailed_validation=True)
    for type_, hook in (
        (str, fields.read_text),
        (bool, fields.read_boolean),
        (Regex, fields.read_regex),
        (Duration, fields.read_duration),
        (Pubkeys, fields.read_pubkeys),
        (tuple[int, ...], fields.read_kinds),
        (Mapping[str, Regex], fields.read_tag_validation),
        (Mapping[int, Rule], _rules),
    ):
        converter.register_structure_hook_func(lambda t, type_=type_: t == type_, hook)
    for model in (KindLists, Rule, GlobalRule, Policy):
        converter.register_structure_hook(model, _model(model, converter))
    return converter


_CONVERTER = _make_converter()
