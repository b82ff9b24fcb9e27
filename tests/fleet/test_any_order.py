"""Nodes on a store in memory, whatever gets lost, late and out of order between them."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any, Literal, get_args

import attrs
import pytest
from depth import times
from examples import NOBODY, NOW, AnEvent
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from live.making import (
    admin,
    follows,
    friend,
    owner,
    policy,
    second_admin,
    second_owner,
    signed,
    stranger,
    withdrawing,
)
from relay.signing import Key
from state.memory_store import MemoryStore

from orly_policy_plugin.authority.freshness import Freshness
from orly_policy_plugin.errors import Unreachable
from orly_policy_plugin.follows import FollowList, follow_list
from orly_policy_plugin.plugin import PolicyPlugin
from orly_policy_plugin.state import Entry

from .lossy import Line, Shared, node_on
from .one_line import check_one_line

NODES = 3
OWNERS = [owner.pubkey, second_owner.pubkey]

numbers = st.integers(0, NODES - 1)
Happening = Literal[
    "a notice is lost",
    "the node looks",
    "the network is cut",
    "the network is mended",
    "the commit is lost",
    "the answer is lost",
]
happenings = st.sampled_from(get_args(Happening))
Wish = Literal[
    "policy",
    "policy with one admin",
    "contributes",
    "the second admin contributes",
    "owner withdraws the newest",
    "follows a friend",
    "follows a stranger",
]
wishes = st.sampled_from(get_args(Wish))
late = st.sampled_from((0, 0, 0, 1, 3))
"""Seconds that an event is dated before the newest, so that one may come too late."""


def document(n: int, *admins: Key) -> dict[str, Any]:
    """The nth policy. The admins' follow lists let in."""
    return policy(
        _n=n,
        owners=OWNERS,
        policy_admins=[key.pubkey for key in admins],
        kind={"blacklist": [100 + n % 1000]},
        rules={"1": {"follows_whitelist_admins": [admin.pubkey]}},
    )


@attrs.define(eq=False)
class Node:
    """A relay, which obeys what arrives."""

    line: Line
    plugin: PolicyPlugin
    marks: Freshness
    """The highest that it has had."""
    lists: dict[str, FollowList] = attrs.Factory(dict)
    """The newest that it has had."""
    place: int = 0
    """That of its policy in the history."""

    def give(self, event: AnEvent) -> bool:
        """Whether it says that it has done what the event asks for."""
        if event.kind == 3:
            asyncio.run(self.plugin.on_kind3(event, NOBODY))
            known = self.plugin._force.state.follows[event.pubkey]
            assert not follow_list(event).replaces(known)  # whether the store answers or not
            return False
        answer = asyncio.run(self.plugin.on_policy_event(event, NOBODY))
        return answer is not None and answer.accepted


class Fleet(RuleBasedStateMachine):
    """What holds of every fleet."""

    events = Bundle("events")

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        first = json.dumps(document(0, admin, second_admin)).encode()
        self.shared = Shared(MemoryStore(first))
        self.now = NOW
        self.accepted: list[AnEvent] = []
        self.marks = Freshness()
        self.nodes = [self.started(Line(self.shared)) for _ in range(NODES)]

    def started(self, line: Line) -> Node:
        """A node that knows nothing but what the store holds."""
        plugin = node_on(line, Path(self.folder.name), lambda: self.now)
        return Node(line, plugin, plugin._force.state.freshness)

    def signed(self, wish: Wish, late: int) -> AnEvent:
        """What an owner or an admin signs now, as if it were ``late`` seconds earlier."""
        self.now += 1
        at = self.now - late
        match wish:
            case "policy":
                return signed(owner, document(self.now, admin, second_admin), at)
            case "policy with one admin":
                return signed(second_owner, document(self.now, admin), at)
            case "follows a friend" | "follows a stranger":
                followed = friend if wish == "follows a friend" else stranger
                return follows(admin, followed, created_at=at)
            case "owner withdraws the newest" if self.standing:
                return withdrawing(owner, self.standing[-1], created_at=at)
        key = second_admin if wish == "the second admin contributes" else admin
        return signed(key, {"kind_blacklist_add": [10_000 + self.now - NOW]}, at)

    @property
    def standing(self) -> list[str]:
        """The ids of the contributions that the store has, oldest first."""
        return list(self.shared.memory.read(lambda _: frozenset()).contributions)

    # --- what comes to nodes

    def give(self, node: Node, event: AnEvent) -> None:
        if node.give(event):
            self.accepted.append(event)

    @rule(target=events, number=numbers, wish=wishes, late=late)
    def comes(self, number: int, wish: Wish, late: int) -> AnEvent:
        event = self.signed(wish, late)
        self.give(self.nodes[number], event)
        return event

    @rule(number=numbers, event=events)
    def comes_again(self, number: int, event: AnEvent) -> None:
        """Here, or at another node, at any time."""
        self.give(self.nodes[number], event)

    @rule(number=numbers, other=st.integers(1, NODES - 1), wish=wishes, meanwhile=wishes)
    def two_come_at_once(self, number: int, other: int, wish: Wish, meanwhile: Wish) -> None:
        """Another node makes a change after this one has made its own ready."""
        one, two = self.nodes[number], self.nodes[(number + other) % NODES]
        between, event = self.signed(meanwhile, 0), self.signed(wish, 0)
        one.line.before_step = lambda: self.give(two, between)
        self.give(one, event)
        one.line.before_step = None

    @rule(number=numbers)
    def publish(self, number: int) -> None:
        """The operator replaces the policy by hand."""
        self.now += 1
        content = json.dumps(document(self.now, admin, second_admin)).encode()
        try:
            self.nodes[number].plugin.replace_policy(content)
        except Unreachable:
            return
        assert any(entry.content == content for entry in self.history())

    # --- what happens to the network and to nodes

    @rule(number=numbers, which=st.integers(0, 5))
    def a_notice_arrives(self, number: int, which: int) -> None:
        self.nodes[number].line.arrives(which)

    @rule(number=numbers, what=happenings, notice=st.integers(0, 5))
    def happens(self, number: int, what: Happening, notice: int) -> None:
        line = self.nodes[number].line
        match what:
            case "a notice is lost":
                line.is_lost(notice)
            case "the node looks":
                line.look()
            case "the network is cut":
                line.is_cut = True
            case "the network is mended":
                line.is_cut = False
            case "the commit is lost" | "the answer is lost":
                line.fault = what

    @rule(number=numbers)
    def node_is_killed(self, number: int) -> None:
        """It starts again with what the store holds, and what it had not heard it never hears."""
        killed = self.nodes[number]
        killed.plugin.stop()
        self.shared.lines.remove(killed.line)
        self.nodes[number] = self.started(Line(self.shared))

    # --- what holds after each of these

    def history(self) -> list[Entry]:
        """Oldest first."""
        return list(self.shared.memory.history([]))[::-1]

    @invariant()
    def no_mark_falls(self) -> None:
        stored = self.shared.memory.read(lambda _: frozenset()).freshness
        assert stored.raised(self.marks) == stored
        self.marks = stored
        for node in self.nodes:
            has = node.plugin._force.state.freshness
            assert has.raised(node.marks) == has
            node.marks = has

    @invariant()
    def no_node_goes_back(self) -> None:
        contents = [entry.content for entry in self.history()]
        for node in self.nodes:
            # The newest of its places: one content comes once, and contributions repeat it.
            place = len(contents) - 1 - contents[::-1].index(node.plugin._force.state.content)
            assert place >= node.place or contents[place] == contents[node.place]
            node.place = place
            for name, known in node.lists.items():
                assert not known.replaces(node.plugin._force.state.follows.get(name))
            node.lists = dict(node.plugin._force.state.follows)

    @invariant()
    def nothing_acknowledged_is_lost(self) -> None:
        stored = self.shared.memory.read(lambda _: frozenset())
        recorded = {entry.event_id for entry in self.history()}
        for event in self.accepted:
            if event.kind == 5:
                assert {tag[1] for tag in event.tags} <= stored.withdrawn.keys()
            else:
                assert event.id in recorded
            if event.pubkey not in OWNERS and event.kind == 12345:
                assert event.id in stored.contributions or event.id in stored.withdrawn
        assert not stored.contributions.keys() & stored.withdrawn.keys()

    @invariant()
    def the_history_is_one_line(self) -> None:
        withdrawn = self.shared.memory.read(lambda _: frozenset()).withdrawn
        check_one_line(self.history(), withdrawn)

    def teardown(self) -> None:
        """Once all is mended, all nodes agree, with the store and with a node that starts now."""
        if not hasattr(self, "nodes"):
            return
        for node in self.nodes:
            node.line.is_cut, node.line.fault = False, None
        for node in (*self.nodes, *self.nodes):  # what one had to keep, all have heard then
            node.line.look()
        new = self.started(Line(self.shared))
        every = [*self.nodes, new]
        assert {node.plugin.snapshot.version for node in every} == {self.history()[-1].version}
        followed = {node.plugin.followed_by([admin.pubkey]) for node in every}
        assert len(followed) == 1
        self.no_mark_falls()
        self.no_node_goes_back()
        for node in every:
            node.plugin.stop()
        self.folder.cleanup()


@pytest.mark.heavy
def test_whatever_gets_lost_late_and_out_of_order() -> None:
    """No mark falls, no node goes back, nothing acknowledged is lost, and all agree in the end."""
    depth = settings(max_examples=times(20, 600), stateful_step_count=40)
    run_state_machine_as_test(Fleet, settings=depth)
