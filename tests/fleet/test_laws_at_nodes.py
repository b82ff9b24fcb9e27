"""The laws of contributions hold at every node at every moment, whatever it has heard of."""

import asyncio
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from contributed import EVERYTHING, ONLY_ADDS, ONLY_DENIES, accesses, allowed
from examples import NOBODY, NOW, AnEvent
from hypothesis import assume, given, target
from hypothesis import strategies as st
from live.making import admin, owner, second_admin, signed, withdrawing
from state.memory_store import MemoryStore
from strategies import events, follow_lists, policies, some, submitters

from orly_policy_plugin.authority.fitting import standing_contributions
from orly_policy_plugin.decisions import Follows, Snapshot, compile_policy
from orly_policy_plugin.plugin import PolicyPlugin
from orly_policy_plugin.policy import InvalidPolicy, read_policy

from .lossy import Line, Shared, node_on

NODES = 3


@attrs.frozen
class Sent:
    """What comes to one node, and what is on its way to all."""

    content: dict[str, Any] | None
    """An admin's contribution; ``None``: the last one is withdrawn."""
    by_second_admin: bool
    node: int
    seconds_late: int
    """It is dated before what came then, perhaps."""
    arriving: list[tuple[int, int]]
    """At which nodes which of the notices arrives then."""


def sents(content: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[list[Sent]]:
    """Contributions and withdrawals."""
    one = st.builds(
        Sent,
        content=st.one_of(content, content, content, st.none()),
        by_second_admin=st.booleans(),
        node=st.integers(0, NODES - 1),
        seconds_late=st.sampled_from((0, 0, 1, 3)),
        arriving=st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, 5)), max_size=4),
    )
    return st.lists(one, min_size=1, max_size=5)


@st.composite
def owners_policies(draw: st.DrawFn) -> bytes:
    """A policy of our owner, with two admins."""
    value = draw(policies()) | {
        "owners": [owner.pubkey],
        "policy_admins": [admin.pubkey, second_admin.pubkey],
    }
    content = json.dumps(value).encode()
    try:
        read_policy(content)
    except InvalidPolicy:
        assume(False)
    return content


@attrs.define
class Fleet:
    """Nodes that hear of each other as it happens."""

    shared: Shared
    nodes: list[PolicyPlugin]
    newest: AnEvent | None = None

    def give(self, number: int, sent: Sent) -> None:
        key = second_admin if sent.by_second_admin else admin
        if sent.content is not None:
            event = self.newest = signed(key, sent.content, NOW + number - sent.seconds_late)
        elif self.newest is not None:
            event = withdrawing(owner, self.newest, created_at=NOW + number)
        else:
            return
        asyncio.run(self.nodes[sent.node].on_policy_event(event, NOBODY))
        for node, notice in sent.arriving:
            self.shared.lines[node].arrives(notice)

    def catch_up(self) -> None:
        for line in self.shared.lines:
            line.look()


@contextmanager
def fleet(policy: bytes, follows: Follows) -> Iterator[Fleet]:
    shared = Shared(MemoryStore(policy))
    with tempfile.TemporaryDirectory() as folder:
        nodes = [node_on(Line(shared), Path(folder), lambda: NOW) for _ in range(NODES)]
        for node in nodes:
            node.set_follows(follows)
        try:
            yield Fleet(shared, nodes)
        finally:
            for node in nodes:
                node.stop()


def at_every_moment(
    policy: bytes, sent: list[Sent], follows: Follows, check: Callable[[Snapshot], None]
) -> None:
    """Check what is in force at every node, after each thing that happens."""
    with fleet(policy, follows) as made:
        heard = 0
        for number, each in enumerate(sent):
            made.give(number, each)
            for node in made.nodes:
                heard += len(node.snapshot.contributions)
                check(node.snapshot)
        target(float(heard))


@some
@given(owners_policies(), sents(ONLY_ADDS), follow_lists, accesses, events, submitters)
def test_an_add_takes_nothing_from_anybody(
    policy: bytes,
    sent: list[Sent],
    follows: Follows,
    access: str,
    event: AnEvent,
    who: tuple[str, ...],
) -> None:
    """At no node, whatever it has heard of."""
    before = compile_policy(read_policy(policy), follows=follows)
    if allowed(before, access, event, who):
        at_every_moment(
            policy, sent, follows, lambda now: _holds(allowed(now, access, event, who))
        )


@some
@given(owners_policies(), sents(ONLY_DENIES), follow_lists, accesses, events, submitters)
def test_a_deny_grants_nobody(
    policy: bytes,
    sent: list[Sent],
    follows: Follows,
    access: str,
    event: AnEvent,
    who: tuple[str, ...],
) -> None:
    """At no node, whatever it has heard of."""
    before = compile_policy(read_policy(policy), follows=follows)
    if not allowed(before, access, event, who):
        at_every_moment(
            policy, sent, follows, lambda now: _holds(not allowed(now, access, event, who))
        )


def _holds(law: bool) -> None:
    assert law


@some
@given(owners_policies(), sents(EVERYTHING), follow_lists, accesses, events, submitters)
@pytest.mark.heavy
def test_the_order_in_which_nodes_hear_is_nothing(
    policy: bytes,
    sent: list[Sent],
    follows: Follows,
    access: str,
    event: AnEvent,
    who: tuple[str, ...],
) -> None:
    """In the end each has what it would have that hears of all at once, the last one first."""
    with fleet(policy, follows) as made:
        for number, each in enumerate(sent):
            made.give(number, each)
        made.catch_up()
        owners = read_policy(policy)
        known = made.nodes[0]._force.state.all_contributions
        target(float(len(known)))
        standing, _ = standing_contributions(owners, known[::-1], owners=frozenset(owners.owners))
        at_once = compile_policy(owners, follows=follows, contributions=standing)
        for node in made.nodes:
            assert node.snapshot.version == at_once.version
            assert allowed(node.snapshot, access, event, who) == allowed(
                at_once, access, event, who
            )
