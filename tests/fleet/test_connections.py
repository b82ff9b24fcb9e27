"""What a node asks of its database: two connections at most, and one thread that listens."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from live.making import eventually, owner, policy, signed

pytest.importorskip("psycopg", reason="install orly-policy-plugin[postgres]")

import psycopg

from orly_policy_plugin.authority.freshness import Freshness
from orly_policy_plugin.errors import Busy, PolicyError, Unreachable
from orly_policy_plugin.state.address import Address
from orly_policy_plugin.state.postgres import Patience, PostgresStore
from orly_policy_plugin.state.postgres.link import Link
from orly_policy_plugin.state.postgres.listening import Listening
from orly_policy_plugin.state.postgres.writing import channel_of
from orly_policy_plugin.state.store import ContributionsWithdrawn

from .nodes import Nodes


def connections(nodes: Nodes) -> int:
    """Of all stores; those of other tests have ended."""
    [(count,)] = nodes.run(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'orly-policy'"
    )
    return int(count)


def test_two_a_node(nodes: Nodes) -> None:
    """Also while it changes something, and none when it has stopped."""
    eventually(lambda: connections(nodes) == 0)
    [one] = nodes.started(1)
    most = 0
    for n in range(10):
        one.applied(signed(owner, policy(_n=n), int(time.time()) + n))
        most = max(most, connections(nodes))
    assert most == 2
    one.stop()
    eventually(lambda: connections(nodes) == 0)


@attrs.define(eq=False)
class Heard:
    channel: str
    payloads: list[str] = attrs.Factory(list)
    looks: int = 0
    then: Callable[[], None] = lambda: None

    def look(self, link: Link) -> None:
        self.looks += 1
        link.run("SELECT 1")

    def heard(self, payload: str) -> None:
        self.payloads.append(payload)

    def lost(self, error: PolicyError) -> None:
        raise AssertionError(error)


def test_others_listen_on_the_same_connection(nodes: Nodes) -> None:
    """Each hears its own channel, and looks every second."""
    listening = Listening(Address.parse(nodes.url, nodes.fleet), Patience())
    first, second = Heard("first_channel"), Heard("second_channel")
    before = connections(nodes)
    listening.add(first)
    listening.add(second)
    try:
        eventually(lambda: first.looks > 1 and second.looks > 1)
        assert connections(nodes) == before + 1
        nodes.run("SELECT pg_notify('first_channel', 'a'), pg_notify('second_channel', 'b')")
        eventually(lambda: (first.payloads, second.payloads) == (["a"], ["b"]))
    finally:
        listening.remove(first)
        listening.remove(second)
        listening.remove(second)
    assert not [each for each in threading.enumerate() if each.name == "orly-policy-store"]


def test_a_change_is_notified(nodes: Nodes) -> None:
    """With the fleet's new revision, as soon as it is made: nobody waits for the next look."""
    [one] = nodes.started(1)
    listening = Listening(Address.parse(nodes.url, nodes.fleet), Patience())
    heard = Heard(channel_of(nodes.fleet))
    listening.add(heard)
    try:
        eventually(lambda: heard.looks > 0)
        one.applied(signed(owner, policy(_n=1), int(time.time())))
        eventually(lambda: heard.payloads == ["2"])
    finally:
        listening.remove(heard)


def test_a_change_that_was_made_ready_before_anothers_is_refused(nodes: Nodes) -> None:
    """Each change of a step is committed by itself; who then comes between has the last word."""
    nodes.started(1)
    store, other = (
        PostgresStore(Address.parse(nodes.url, nodes.fleet), patience=Patience()) for _ in range(2)
    )
    entry = next(store.history([]))
    withdrawn = ContributionsWithdrawn(withdrawn={}, entry=entry, freshness=Freshness())
    try:
        with store.exclusive() as step:
            step.apply(withdrawn)
            step.apply(withdrawn)
            with other.exclusive() as between:
                between.apply(withdrawn)
            with pytest.raises(Busy, match="in between"):
                step.apply(withdrawn)
    finally:
        store.close()
        other.close()


def test_a_table_that_somebody_has_locked(nodes: Nodes) -> None:
    """As ``VACUUM FULL`` does: for a reader that is an outage, for which there is the copy."""
    nodes.started(1)
    patience = Patience(lock_seconds=0.1)
    store = PostgresStore(Address.parse(nodes.url, nodes.fleet), patience=patience)
    try:
        with psycopg.connect(nodes.url) as somebody:
            somebody.execute("LOCK TABLE orly_policy.fleet")
            with pytest.raises(Unreachable, match="for too long"):
                store.read_policy()
    finally:
        store.close()


def _reads(store: PostgresStore, done: Path) -> None:
    done.write_bytes(store.read_policy())
    os._exit(0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of a fork beside threads
def test_a_process_that_is_forked_has_its_own(nodes: Nodes) -> None:
    """A server loads the policy, and then starts its workers: the parent's connection stays."""
    nodes.started(1)
    store = PostgresStore(Address.parse(nodes.url, nodes.fleet), patience=Patience())
    try:
        content = store.read_policy()
        done = nodes.folder / "done"
        child = multiprocessing.get_context("fork").Process(target=_reads, args=(store, done))
        child.start()
        child.join()
        assert done.read_bytes() == content
        with store.exclusive() as step:
            assert step.read_policy() == content
    finally:
        store.close()
