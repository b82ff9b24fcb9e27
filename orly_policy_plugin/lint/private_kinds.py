"""Private messages that everybody may read."""

from collections.abc import Iterator
from typing import Final

from orly_policy_hookspecs import Decision
from orly_policy_hookspecs.nip01 import FrozenEvent

from ..counted import listed
from ..decisions import Snapshot, compile_policy
from ..decisions.private import PRIVATE_KINDS
from .slip import Check, Examined, Slip

_AUTHOR: Final = "0a" * 32
_STRANGER: Final = "0b" * 32
_CREATED_AT: Final = 1_000_000_000
_MANY: Final = 5


def _readable_by_strangers(examined: Examined) -> Iterator[Slip]:
    """Ask the engine: may somebody read who is no party of the event?"""
    snapshot = _snapshot(examined)
    readable = [kind for kind in sorted(PRIVATE_KINDS) if _may_read(snapshot, kind)]
    for kind in readable:
        if kind in examined.policy.rules:
            yield Slip(
                f"rules.{kind}",
                f"everybody may read kind {kind}, messages that are for their parties",
                'add "privileged": true',
            )
    if others := [kind for kind in readable if kind not in examined.policy.rules]:
        rules = ", ".join(f'"{kind}": {{"privileged": true}}' for kind in others)
        yield Slip(
            "rules",
            f"everybody may read {_kinds(others)}, messages that are for their parties",
            f"add {rules}",
        )


def _kinds(kinds: list[int]) -> str:
    return f"{'kind' if len(kinds) == 1 else 'the kinds'} {listed(kinds, _MANY)}"


def _snapshot(examined: Examined) -> Snapshot:
    """The policy, ready to be asked about a stranger, who is in no list."""
    policy = examined.policy
    lists = dict.fromkeys(policy.lists, frozenset[str]())
    return compile_policy(policy, lists=lists, plugins=examined.plugins)


def _may_read(snapshot: Snapshot, kind: int) -> bool:
    """Whether the engine by itself lets a stranger read; where a script or a plugin is to be
    asked, that is not known.
    """
    event = FrozenEvent("0" * 64, _AUTHOR, _CREATED_AT, kind, (), "", "0" * 128)
    outcome = snapshot.read(event, (_STRANGER,), _CREATED_AT)
    return isinstance(outcome, Decision) and outcome.accepted


CHECKS = (Check("private-kinds-are-readable", _readable_by_strangers),)
