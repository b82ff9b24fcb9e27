"""Named lists (section 14 of the spec): the sources of their keys, and their names in the place of
keys.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import attrs

from orly_policy_hookspecs.nip01 import Address, kinds

from .fields import Field, declared, keys_of
from .problems import InvalidPolicy, Problem, did_you_mean
from .pubkeys import Pubkeys, parse_pubkey
from .strict_json import found, shortened
from .values import read_text, whole_number

SIGN: Final = "@"
"""Stands before the name of a list where a key might stand."""
MOST_LISTS: Final = 100
"""Of a policy: each is a file to follow."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_KEY_LENGTH: Final = 64

Lists = Mapping[str, frozenset[str]]
"""The keys of named lists, by name. Rules that name a list share its set."""
NO_LISTS: Final[Lists] = MappingProxyType({})


def read_file_name(value: object, _: object = None) -> str:
    """The path of a file in the policy file's folder, or in a folder within."""
    text = read_text(value)
    parts = text.split("/")
    if not parts[-1] or "\0" in text:
        raise InvalidPolicy([Problem("", f"expected the path of a file, found {text!r:.60}")])
    if not parts[0] or ".." in parts:
        # Whoever may send a policy reads no other files of this machine by it.
        raise InvalidPolicy(
            [
                Problem(
                    "",
                    f"{shortened(text, 60)!r} is not in the policy file's folder; "
                    "write a path from there, such as 'members.txt'",
                )
            ]
        )
    return text


def _read_author(value: object, _: object) -> str:
    try:
        return parse_pubkey(value)
    except ValueError as error:
        raise InvalidPolicy([Problem("", str(error))]) from error


def _read_list_kind(value: object, _: object) -> int:
    if type(value) is not int or value not in kinds.LISTS:
        raise InvalidPolicy([Problem("", f"expected {_KINDS}, found {found(value)}")])
    return value


def _read_hops(value: object, _: object) -> int:
    if type(value) is not int or value != 2:
        raise InvalidPolicy([Problem("", f"expected 2, found {found(value)}")])
    return value


def _read_followers(value: object, _: object) -> int:
    number = whole_number("followers")(value, None)
    if number == 0:
        raise InvalidPolicy([Problem("", "expected a number of followers from 1 up, but found 0")])
    return number


_WHAT_HOPS: Final = {"hops": "2", "followers": "how many of those followed must follow a key"}
_KINDS: Final = "3 (a follow list), 10000 (a mute list) or 30000 (a follow set)"
BESIDE: Final[Mapping[str, frozenset[str]]] = {
    "file": frozenset(),
    "nostr_json": frozenset(),
    "author": frozenset({"kind", "d", "at_least"}),
    "follows_of": frozenset({"hops", "followers", "at_least"}),
}
"""What a source can be, and the keys that stand beside it then."""


@attrs.frozen(kw_only=True)
class ListSource:
    """The source of a list's keys: a file, an author's newest event, or two hops of follows."""

    file: str | None = declared(None, Field(unit="path", read=read_file_name))
    """Holds one key a line, in hex or as ``npub1…``."""
    nostr_json: str | None = declared(None, Field(unit="path", read=read_file_name))
    """Holds names and keys as NIP-05 has them."""

    author: str | None = declared(None, Field(unit="key", read=_read_author))
    """Whose event it is, whose ``p`` tags are the keys."""
    kind: int | None = declared(None, Field(unit="kind", read=_read_list_kind))
    d: str | None = declared(None, Field(unit="text", read=read_text))
    """The ``d`` tag of a kind 30000."""
    at_least: int | None = declared(
        None, Field(unit="keys", read=whole_number("keys"), counts_when_empty=True)
    )
    """The keys without which an event is taken for an accident; 1 where it is not written."""

    follows_of: str | None = declared(None, Field(unit="key", read=_read_author))
    """Whose follow list it begins with."""
    hops: int | None = declared(None, Field(unit="hops", read=_read_hops))
    followers: int | None = declared(None, Field(unit="followers", read=_read_followers))
    """That a key needs, of those whom the root follows, where the root does not follow it."""

    @property
    def path(self) -> str | None:
        """Of its file, from the policy file's folder; ``None`` where it has none."""
        return self.file if self.nostr_json is None else self.nostr_json

    @property
    def address(self) -> Address | None:
        """Of its event, or of the one that two hops begin with; ``None`` where it is of none."""
        if self.follows_of is not None:
            return Address(kinds.FOLLOW_LIST, self.follows_of, "")
        if self.author is None:
            return None
        assert self.kind is not None
        return Address(self.kind, self.author, self.d or "")

    @property
    def least(self) -> int:
        """The number of keys that its event must have."""
        return 1 if self.at_least is None else self.at_least

    def __str__(self) -> str:
        """In words, after *of*."""
        if self.follows_of is not None:
            return f"whom {self.follows_of} follows, or {self.followers} of those"
        if self.author is None:
            return str(self.path)
        return f"kind {self.kind}{f' {self.d!r}' if self.d else ''} by {self.author}"

    def problems(self) -> Iterator[Problem]:
        """Why this is no source."""
        given = {name for name in keys_of(type(self)) if getattr(self, name) is not None}
        forms = [name for name in BESIDE if name in given]
        if len(forms) != 1:
            has = " and ".join(map(repr, forms)) or "none"
            *most, last = map(repr, BESIDE)
            yield Problem("", f"a list has one of {', '.join(most)} and {last}; this has {has}")
            return
        for name in sorted(given - {*forms} - BESIDE[forms[0]]):
            owners = " or ".join(repr(form) for form in BESIDE if name in BESIDE[form])
            yield Problem(name, f"a list with {forms[0]!r} has none; it belongs to {owners}")
        if self.author is not None:
            yield from self._problems_of_event()
        if self.follows_of is not None:
            for name in ("hops", "followers"):
                if name not in given:
                    yield Problem(name, f"is missing; write {_WHAT_HOPS[name]}")

    def _problems_of_event(self) -> Iterator[Problem]:
        if self.kind is None:
            yield Problem("kind", f"is missing; write {_KINDS}")
        elif self.kind == kinds.FOLLOW_SET and not self.d:
            yield Problem("d", "is missing: the 'd' tag says which of the author's sets it is")
        elif self.kind != kinds.FOLLOW_SET and self.d is not None:
            yield Problem("d", f"a kind {self.kind} has none: of an author there is one alone")


def contradicting(lists: Mapping[str, ListSource]) -> Iterator[Problem]:
    """A problem for each list that takes another event for good than a list of the same events:
    what was good is kept once.
    """
    first: dict[Address, str] = {}
    for name, source in lists.items():
        if source.address is not None:
            other = first.setdefault(source.address, name)
            if source.least != lists[other].least:
                yield Problem(
                    f"{name}.at_least",
                    f"the list {other!r} is of the same events and needs at least "
                    f"{lists[other].least}; write that, too",
                )


def not_known_yet(sources: Mapping[str, ListSource], lists: Lists) -> frozenset[str]:
    """The names of lists that are made of events and have not come yet.

    :param sources: of all lists of a policy.
    :param lists: those that are known.
    """
    return frozenset(
        name for name, source in sources.items() if name not in lists and source.path is None
    )


def wrong_name(name: str) -> str | None:
    """Why this cannot be the name of a list."""
    if _NAME.fullmatch(name):
        return None
    return (
        f"{shortened(name, 60)!r} is no name of a list: up to 40 letters, digits, '-' and '_', "
        "the first a letter or a digit"
    )


def unknown_list(name: str, known: Iterable[str]) -> str:
    """The message about a name that no list has."""
    near = did_you_mean(name, known).replace("mean '", f"mean '{SIGN}")
    return f"'{SIGN}{name}' names no list of this policy{near or '; define it in lists'}"


@attrs.frozen
class KeyList:
    """A list of keys as a rule has it."""

    keys: Pubkeys
    """The keys that it has itself."""
    names: tuple[str, ...] = ()
    """The named lists that it has, without the sign."""

    @classmethod
    def of(cls, written: Pubkeys) -> "KeyList":
        """Tell keys and names apart. A key is told by its length, which no name has: a list may
        hold a million keys.
        """
        if {_KEY_LENGTH}.issuperset(map(len, written)):
            return cls(written)
        names = [each.removeprefix(SIGN) for each in written if each.startswith(SIGN)]
        keys = tuple(each for each in written if not each.startswith(SIGN))
        return cls(keys, tuple(dict.fromkeys(names)))


def list_in_words(name: str, lists: Lists) -> str:
    """A named list with the number of its keys: ``@members (1,204 keys)``."""
    if name not in lists:
        return f"{SIGN}{name}"
    return f"{SIGN}{name} ({counted_keys(len(lists[name]))})"


def counted_keys(count: int) -> str:
    """The count of a named list, which may be a long one: ``1,204 keys``."""
    return f"{count:,} {'key' if count == 1 else 'keys'}"
