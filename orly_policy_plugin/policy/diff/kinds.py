"""Differences of two policies in the kinds that pass at all, whichever list says so."""

from collections.abc import Iterator

from ..fields import BOTH, Access
from ..models import Policy
from ..values import ALL_KINDS
from ..writing import plain
from .change import Change, added_and_removed


def kind_changes(old: Policy, new: Policy) -> Iterator[Change]:
    """Compare the kinds that the lists, and the switches that lift the whitelist, let pass."""
    writes, reads = (
        added_and_removed(_passing(old, access), _passing(new, access)) for access in BOTH
    )
    found = [("", writes)] if writes == reads else [("writing ", writes), ("reading ", reads)]
    for access, (added, removed) in found:
        if added or removed:
            told = in_words(added, access), in_words(removed, access)
            yield Change("kind", plain(old.kind), plain(new.kind), *told)


def _passing(policy: Policy, access: Access) -> frozenset[int]:
    whitelist, blacklist = policy.kind.whitelist, policy.kind.blacklist
    if not whitelist:
        return ALL_KINDS - frozenset(blacklist)
    lifted = policy.rule_of_all.lifts_whitelist(access)
    return ALL_KINDS if lifted else frozenset(whitelist)


def in_words(kinds: frozenset[int], access: str = "") -> tuple[str, ...]:
    """The kinds as numbers and runs of numbers; nothing where there are none.

    :param access: ``writing `` or ``reading ``, where it is not both.
    """
    if not kinds:
        return ()
    if 2 * len(kinds) <= len(ALL_KINDS):
        return (f"{access}kinds {_numbers(kinds)}",)
    others = ALL_KINDS - kinds
    return (f"{access}all kinds but {_numbers(others)}" if others else f"{access}all kinds",)


def _numbers(kinds: frozenset[int]) -> str:
    return ", ".join(
        f"{first}" if first == last else f"{first} to {last}" for first, last in _runs(kinds)
    )


def _runs(kinds: frozenset[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for kind in sorted(kinds):
        if runs and runs[-1][1] == kind - 1:
            runs[-1] = (runs[-1][0], kind)
        else:
            runs.append((kind, kind))
    return runs
