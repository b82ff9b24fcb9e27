"""Representative people: one key of each class that two policies tell apart."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Final

import attrs

from ..policy import GlobalRule, Lists, Policy, Rule, lists_named, rules_of
from ..policy.fields import Access
from ..policy.models import key_lists_of
from ..policy.named_lists import SIGN
from ..policy.who import Step, Whom
from ..policy.who_may import Way, authors_needed, ways

MOST_CLASSES: Final = 32
"""Of keys, for one kind: three of them may come together."""
_MOST_TOGETHER: Final = 3
"""Keys of a submitter: one that the global rule lets in, one that the kind's does, and one that
the other policy denies.
"""


def _made_up(what: str) -> str:
    """A key that stands for somebody whom no policy names: the same each time."""
    return hashlib.sha256(f"orly-policy {what}".encode()).hexdigest()


STRANGER: Final = _made_up("stranger")


@attrs.frozen
class Assumed:
    """What is assumed of follow lists and named lists, which no policy holds."""

    follows: Mapping[str, tuple[str, ...]]
    """Each author whose follow list counts follows one key that nobody else does."""
    lists: Lists
    """Each named list has one key that is nowhere else."""

    @classmethod
    def of(cls, policies: Sequence[Policy]) -> "Assumed":
        """The assumptions under which some policies are compared."""
        names = {name for each in policies for _, name in lists_named(each)}
        lists = {name: frozenset({_made_up(f"@{name}")}) for name in sorted(names)}
        authors = {
            author
            for each in policies
            for _, rule in rules_of(each)
            for author in authors_needed(rule, each, lists)
        }
        return cls({author: (fan_of(author),) for author in sorted(authors)}, lists)

    def about(self, keys: Iterable[str]) -> "Assumed":
        """The part that is about some keys."""
        asked = frozenset(keys)
        return Assumed(
            {author: fans for author, fans in self.follows.items() if not asked.isdisjoint(fans)},
            {name: members for name, members in self.lists.items() if asked & members},
        )


def fan_of(author: str) -> str:
    """The key whom an author is assumed to follow."""
    return _made_up(f"followed by {author}")


def thinned(policies: Sequence[Policy]) -> list[Policy]:
    """The policies with one key of each class in their lists: of those that the same lists of all
    of them hold. A list may have a hundred thousand.
    """
    classes = _Classes()
    for policy in policies:
        for keys in _lists_of(policy):
            classes.add(keys)
    named = (f"{SIGN}{name}" for policy in policies for _, name in lists_named(policy))
    kept = frozenset((*classes.keys, *named))

    def thin(model: Any, names: Iterable[str]) -> Any:
        """A rule, or the policy, with fewer keys."""
        values = ((name, getattr(model, name)) for name in names)
        fewer = {
            name: tuple(key for key in value if key in kept)
            for name, value in values
            if value and not kept.issuperset(value)
        }
        return attrs.evolve(model, **fewer) if fewer else model

    return [
        attrs.evolve(
            thin(policy, _TRUSTED),
            global_rule=policy.global_rule and thin(policy.global_rule, key_lists_of(GlobalRule)),
            rules={kind: thin(rule, key_lists_of(Rule)) for kind, rule in policy.rules.items()},
        )
        for policy in policies
    ]


_TRUSTED: Final = ("owners", "policy_admins")


def _lists_of(policy: Policy) -> Iterator[Collection[str]]:
    """All lists of keys, with the names of named lists among the keys."""
    for name in _TRUSTED:
        yield getattr(policy, name)
    for _, rule in rules_of(policy):
        for name in key_lists_of(type(rule)):
            yield getattr(rule, name) or ()


@attrs.frozen
class Person:
    """Who asks, and whom the event is by."""

    keys: tuple[str, ...]
    """Those that authenticated."""
    author: str


@attrs.frozen
class People:
    """The people that one kind and access are asked with."""

    persons: tuple[Person, ...]
    """The simplest first."""
    named: tuple[tuple[str, ...], ...]
    """Whom ``p`` tags name: nobody first."""
    is_all: bool
    """Whether every class is among them."""


def people_of(
    rules: Iterable[tuple[Rule, Policy]],
    access: Access,
    assumed: Assumed,
    also: Iterable[Collection[str]] = (),
) -> People:
    """Find the classes of keys that some rules tell apart.

    :param rules: those that have a say, each with its policy.
    :param also: further sets of keys that count.
    """
    found = [way for rule, policy in rules for way in ways(rule, access, policy)]
    told = _Classes()
    for way in found:
        if way.who.whom is not Whom.TAGGED and way.who.whom is not Whom.PARTIES:
            told.add(_let_in(way, assumed))
    for keys in also:
        told.add(keys)
    denied, tagged = _Classes(), _Classes()
    for way in found:
        if way.who.step is Step.DENY:
            denied.add(way.all_keys(assumed.lists))
        if way.who.whom is Whom.TAGGED:
            tagged.add(way.all_keys(assumed.lists))
    is_all = all(len(each.keys) <= MOST_CLASSES for each in (told, denied, tagged))
    authors = denied.keys[:MOST_CLASSES] if access == "write" else [STRANGER]
    persons = tuple(
        Person(keys, author)
        for keys in told.together(_MOST_TOGETHER)
        for author in dict.fromkeys([*(keys[:1] or [STRANGER]), *authors])
    )
    return People(persons, ((), *filter(None, tagged.together(2))), is_all)


def _let_in(way: Way, assumed: Assumed) -> Iterator[str]:
    """The keys that a field lets in or keeps out."""
    keys = way.all_keys(assumed.lists)
    if way.who.whom.is_by_follow_lists:
        yield from (fan_of(author) for author in keys)
    if way.who.whom in (Whom.LISTED, Whom.LISTED_AND_FOLLOWED):
        yield from keys


class _Classes:
    """Keys by the sets that they are in."""

    def __init__(self) -> None:
        self._marks: dict[str, int] = {}
        self._next = 1

    def add(self, keys: Iterable[str]) -> None:
        """One more set."""
        for key in keys:
            self._marks[key] = self._marks.get(key, 0) | self._next
        self._next <<= 1

    @property
    def keys(self) -> list[str]:
        """A key of each class."""
        first = {mark: key for key, mark in reversed(self._marks.items())}
        return sorted(first.values(), key=lambda key: self._marks[key])

    def together(self, most: int) -> Iterator[tuple[str, ...]]:
        """Nobody, a stranger, and keys together that are in other sets than fewer would be."""
        yield ()
        if most == _MOST_TOGETHER:
            yield (STRANGER,)
        seen = {0}
        keys = self.keys[:MOST_CLASSES]
        for count in range(1, most + 1):
            for chosen in combinations(keys, count):
                mark = 0
                for key in chosen:
                    mark |= self._marks[key]
                if mark not in seen:
                    seen.add(mark)
                    yield chosen
