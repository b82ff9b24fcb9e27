"""Lists of keys in the values of criteria, read as a rule's own lists are."""

from collections.abc import Container, Iterator

import attrs

from orly_policy_hookspecs import InvalidSettings
from orly_policy_hookspecs.criteria import ReadKeys

from .named_lists import KeyList, Lists, unknown_list
from .problems import InvalidPolicy, Problem
from .reading import read_key_list


@attrs.frozen
class InOneOf(Container[str]):
    """The keys of several sets, none of which is copied: a named list may have a million."""

    _sets: tuple[frozenset[str], ...]

    def __contains__(self, key: object) -> bool:
        return any(key in each for each in self._sets)


def key_reader(
    lists: Lists, not_known_yet: Container[str] = (), met: set[str] | None = None
) -> ReadKeys:
    """Make the function that reads a list of keys and of names.

    :param lists: the keys of the policy's named lists.
    :param not_known_yet: names of lists that come later, and have no keys until then.
    :param met: gets those of them that are read.
    """

    def read(written: object) -> Container[str]:
        try:
            read = read_key_list(written, None)
        except InvalidPolicy as error:
            raise _invalid(error.problems) from error
        if unknown := list(_unknown(read, lists, not_known_yet)):
            raise _invalid(unknown)
        found = KeyList.of(read)
        sets = [lists[name] for name in found.names if name in lists]
        if met is not None:
            met.update(name for name in found.names if name not in lists)
        if found.keys:
            sets.append(frozenset(found.keys))
        return sets[0] if len(sets) == 1 else InOneOf(tuple(sets))

    return read


def _unknown(
    read: tuple[str, ...], lists: Lists, not_known_yet: Container[str]
) -> Iterator[Problem]:
    for i, item in enumerate(read):
        for name in KeyList.of((item,)).names:
            if name not in lists and name not in not_known_yet:
                yield Problem(f"[{i}]", unknown_list(name, lists))


def _invalid(problems: tuple[Problem, ...] | list[Problem]) -> InvalidSettings:
    return InvalidSettings({each.place: each.message for each in problems})
