"""Who may, by one rule: the fields that say so, and what they leave for everybody else.

Section 2 of the spec, steps 2 to 6. What decides, compares policies, sums them up and looks for
follow lists asks here.
"""

from collections.abc import Collection, Iterator, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final

import attrs

from ..counted import counted
from .fields import Access, fields_of, once
from .models import GlobalRule, Policy, Rule
from .named_lists import NO_LISTS, SIGN, KeyList, Lists, list_in_words
from .who import Step, Who, Whom


@attrs.frozen
class Way:
    """A field in effect that lets somebody in, or keeps somebody out."""

    field: str
    who: Who
    keys: Collection[str]
    """The public keys that it has itself; or the policy admins, where it is about whom they
    follow."""
    lists: tuple[str, ...] = ()
    """The named lists whose keys it has as well."""

    @property
    def written(self) -> Collection[str]:
        """The items of the field as the policy file has them, the named lists last."""
        return (*self.keys, *(f"{SIGN}{name}" for name in self.lists)) if self.lists else self.keys

    def all_keys(self, lists: Lists) -> Collection[str]:
        """The public keys, those of named lists included; a list that is not known has none."""
        if not self.lists:
            return self.keys
        return frozenset(self.keys).union(*(lists.get(name, ()) for name in self.lists))

    def keys_in_words(self, lists: Lists) -> str:
        """The number of keys, and the named lists: ``2 keys and @members (1,204 keys)``."""
        own = [counted(len(set(self.keys)), "key")] if self.keys or not self.lists else []
        return " and ".join([*own, *(list_in_words(name, lists) for name in self.lists)])


Fields = tuple[tuple[str, Who], ...]


class ForOthers(IntEnum):
    """The answer of a rule to those whom no field of it is about."""

    DENY = 0
    PASS = 1
    GRANT = 2


def ways(rule: Any, access: Access, policy: Policy) -> Iterator[Way]:
    """The ways of a rule, or of what extends one, in the order of the steps.

    ``write_allow_follows`` counts only where the policy's switch is on.

    :param rule: a :class:`.Rule`, or a model with fields that are declared like those of one.
    """
    return _in_effect(rule, _fields_about_who(type(rule), access), policy)


def _in_effect(rule: Any, fields: Fields, policy: Policy) -> Iterator[Way]:
    naming_lists: Mapping[str, KeyList] = getattr(rule, "naming_lists", _NAMES_NO_LIST)
    for name, who in fields:
        value = getattr(rule, name)
        if not value:
            continue
        if name in naming_lists:
            yield Way(name, who, naming_lists[name].keys, naming_lists[name].names)
        elif who.whom is not Whom.FOLLOWED_BY_ADMINS:
            yield Way(name, who, value if who.whom.names_keys else ())
        elif policy.policy_follow_whitelist_enabled:
            yield Way(name, who, policy.policy_admins)


_NAMES_NO_LIST: Final[Mapping[str, KeyList]] = MappingProxyType({})
"""Of what extends a rule: only the owner's rules name lists."""


def ways_in(rule: Any, access: Access, policy: Policy) -> list[Way]:
    """Those that grant, and then those that allow."""
    return [way for way in ways(rule, access, policy) if way.who.step is not Step.DENY]


def opening_field(rule: Rule, access: Access) -> str | None:
    """The field by which a kind's rule grants everybody else, if no field of it allows: an allow
    list written out as empty, or a deny list.
    """
    if isinstance(rule, GlobalRule):
        return None
    allow, deny = listing_field(access, Step.ALLOW), listing_field(access, Step.DENY)
    if getattr(rule, allow) == ():
        return allow
    return deny if getattr(rule, deny) else None


@once
def listing_field(access: Access, step: Step) -> str:
    """The field that lists submitters for a step: ``write_deny``, ``write_allow`` and so on."""
    return next(
        name for name, who in _fields_about_who(Rule, access) if who == Who(step, Whom.LISTED)
    )


def fields_at(step: Step, access: Access) -> tuple[str, ...]:
    """The fields of a rule that have their say in a step."""
    return tuple(name for name, who in _fields_about_who(Rule, access) if who.step is step)


@once
def denying_fields(model: type) -> tuple[str, ...]:
    """The fields of a rule, or of what extends one, that list who is denied."""
    return tuple(
        name
        for name, field in fields_of(model).items()
        if field.who is not None and field.who.step is Step.DENY
    )


def for_others(rule: Rule, access: Access, policy: Policy) -> ForOthers:
    """The answer of a rule to everybody whom no field of it is about."""
    if any(way.who.step is Step.ALLOW for way in ways(rule, access, policy)):
        return ForOthers.DENY
    return ForOthers.GRANT if opening_field(rule, access) else ForOthers.PASS


def authors_needed(rule: Any, policy: Policy, lists: Lists = NO_LISTS) -> frozenset[str]:
    """The authors whose follow lists decide something in a rule, or in what extends one."""
    found = _in_effect(rule, _fields_by_follow_lists(type(rule)), policy)
    return frozenset().union(*(way.all_keys(lists) for way in found))


def authors_named(rule: Any) -> frozenset[str]:
    """The authors whom a rule, or what extends one, names itself. Policy admins, whom the switch
    ``write_allow_follows`` means, are not among them.
    """
    return authors_needed(rule, _WITHOUT_ADMINS)


_WITHOUT_ADMINS: Final = Policy()


@once
def _fields_by_follow_lists(model: type) -> Fields:
    return tuple(
        (name, field.who)
        for name, field in fields_of(model).items()
        if field.who is not None and field.who.whom.is_by_follow_lists
    )


@once
def _fields_about_who(model: type, access: Access) -> Fields:
    """The fields of a model that are about who may, by their steps."""
    named = [
        (name, field.who)
        for name, field in fields_of(model).items()
        if field.who is not None and access in field.asked_on
    ]
    return tuple(sorted(named, key=lambda each: each[1].step))
