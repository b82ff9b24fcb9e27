"""Policies asked about one event after the other."""

import asyncio
from collections.abc import Callable, Iterable

import attrs

from orly_policy_hookspecs import Context, Decision
from orly_policy_hookspecs.nip01 import FrozenEvent
from orly_policy_plugin.asking import ask_criteria
from orly_policy_plugin.decisions import (
    Action,
    Explanation,
    Noted,
    Outcome,
    Pending,
    Reply,
    Snapshot,
    Unasked,
    at_best,
    decided_at,
    denied_at,
)
from orly_policy_plugin.decisions.snapshot import Decide
from orly_policy_plugin.policy.fields import Access

from .tally import Counts, Example, Tally

_ACCEPTS = Reply(Action.ACCEPT)
_EVENTS_A_STEP = 5_000


@attrs.frozen
class Asked:
    """The question that is asked about each event."""

    access: Access
    keys: tuple[str, ...] | None
    """Those that authenticated; ``None``: the event's author."""
    now: int | None
    """Unix seconds; ``None``: when the event was created."""


@attrs.define(eq=False)
class Judge:
    """One policy. Scripts are taken to accept, and rates as not used yet."""

    snapshot: Snapshot
    _run: asyncio.Runner
    """Waits for plugins' criteria."""

    def settled(
        self, event: FrozenEvent, keys: tuple[str, ...], now: int, outcome: Pending | Unasked
    ) -> bool:
        """Whether what was left open comes to an accept."""
        settled: Outcome = (
            self._asked(outcome, event, keys, now, {}) if isinstance(outcome, Unasked) else outcome
        )
        if isinstance(settled, Decision):
            return settled.accepted
        return at_best(settled, event, keys)

    def place(self, access: Access, event: FrozenEvent, keys: tuple[str, ...], now: int) -> str:
        """The place that refuses."""
        plan = self.snapshot.plans(access).for_kind(event.kind)
        if not (plan.asks_criteria or plan.rates):
            return denied_at(plan, event, keys, now)
        return decided_at(self.explained(access, event, keys, now))

    def explained(
        self, access: Access, event: FrozenEvent, keys: tuple[str, ...], now: int
    ) -> Explanation:
        """The decision with its reasons."""
        ask = self.snapshot.write if access == "write" else self.snapshot.read
        noted: Noted = {}
        outcome = ask(event, keys, now)
        if isinstance(outcome, Unasked):
            outcome = self._asked(outcome, event, keys, now, noted)
        replies = (_ACCEPTS,) * len(outcome.scripts) if isinstance(outcome, Pending) else ()
        return self.snapshot.explain(access, event, keys, now, replies, noted=noted)

    def _asked(
        self, unasked: Unasked, event: FrozenEvent, keys: tuple[str, ...], now: int, noted: Noted
    ) -> Outcome:
        return self._run.run(ask_criteria(unasked, event, Context(keys), now, noted))


def count_answers(
    events: Iterable[FrozenEvent],
    asked: Iterable[tuple[Asked, Tally]],
    judge: Judge,
    in_force: Judge | None,
    tell: Callable[[int], None],
) -> int:
    """Ask about each event, and count the answers.

    :param in_force: the policy to compare with, if there is one.
    :param tell: is told every few thousand events how many there were.
    :returns: the number of events.
    """
    counting = [_Counting(each, tally, judge, in_force).count for each, tally in asked]
    number = 0
    for number, event in enumerate(events, 1):
        for count in counting:
            count(event)
        if not number % _EVENTS_A_STEP:
            tell(number)
    return number


class _Counting:
    """One question, asked about all events."""

    def __init__(self, asked: Asked, tally: Tally, judge: Judge, in_force: Judge | None) -> None:
        self._asked, self._tally = asked, tally
        self._judge, self._in_force = judge, in_force
        self._ask = _asking(judge, asked.access)
        self._ask_in_force = _asking(in_force, asked.access) if in_force else None

    def count(self, event: FrozenEvent) -> None:
        asked = self._asked
        keys = (event.pubkey,) if asked.keys is None else asked.keys
        now = event.created_at if asked.now is None else asked.now
        of_kind = self._tally.count(event.kind)
        outcome = self._ask(event, keys, now)
        if isinstance(outcome, Decision):
            accepted = outcome.accepted
        else:
            accepted = self._judge.settled(event, keys, now, outcome)
            if accepted and isinstance(outcome, Pending) and outcome.scripts:
                self._tally.left_to_scripts += 1
        was = accepted
        if self._ask_in_force is not None:
            before = self._ask_in_force(event, keys, now)
            assert self._in_force is not None
            was = (
                before.accepted
                if isinstance(before, Decision)
                else self._in_force.settled(event, keys, now, before)
            )
        if not accepted:
            self._refuse(of_kind, event, keys, now, newly=was)
        elif not was:
            assert self._in_force is not None
            place = self._in_force.place(asked.access, event, keys, now)
            self._tally.accept_again(of_kind, place)

    def _refuse(
        self, of_kind: Counts, event: FrozenEvent, keys: tuple[str, ...], now: int, *, newly: bool
    ) -> None:
        access = self._asked.access
        place = self._judge.place(access, event, keys, now)
        if self._tally.refuse(of_kind, event.pubkey, place, newly=newly):
            explanation = self._judge.explained(access, event, keys, now)
            self._tally.add_example(place, Example(event, explanation, is_change=newly))


def _asking(judge: Judge, access: Access) -> Decide:
    return judge.snapshot.write if access == "write" else judge.snapshot.read
