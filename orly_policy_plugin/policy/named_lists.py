"""Named lists (section 14 of the spec): the sources of their keys, and their names in the place of
keys.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import attrs

from .fields import Field, declared
from .problems import InvalidPolicy, Problem, did_you_mean
from .pubkeys import Pubkeys
from .strict_json import shortened
from .values import read_text

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


@attrs.frozen(kw_only=True)
class ListSource:
    """The source of a list's keys. Exactly one of its attributes is set."""

    file: str | None = declared(None, Field(unit="path", read=read_file_name))
    """Holds one key a line, in hex or as ``npub1…``."""
    nostr_json: str | None = declared(None, Field(unit="path", read=read_file_name))
    """Holds names and keys as NIP-05 has them."""

    @property
    def path(self) -> str:
        """From the policy file's folder."""
        path = self.file if self.nostr_json is None else self.nostr_json
        assert path is not None
        return path

    def problem(self) -> Problem | None:
        """Why this is no source."""
        given = [each.name for each in attrs.fields(type(self)) if getattr(self, each.name)]
        if len(given) == 1:
            return None
        found = f"both {' and '.join(map(repr, given))}" if given else "neither"
        return Problem("", f"a list has either a 'file' or a 'nostr_json'; this has {found}")


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
