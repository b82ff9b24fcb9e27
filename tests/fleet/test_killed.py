"""Nodes and their database are killed at any moment, while all of them make changes."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from depth import times
from live.children import Children, is_alive
from live.making import eventually, owner, policy, read_json

pytest.importorskip("psycopg", reason="install orly-policy-plugin[postgres]")

from orly_policy_plugin.policy import Problem
from orly_policy_plugin.state.address import Address
from orly_policy_plugin.state.postgres import PostgresStore

from . import children
from .children import NODES
from .conftest import Machine
from .one_line import check_one_line

CHANGES = times(24, 500)
"""That were answered OK."""
KILLS = times(6, 60)
LONGEST_SECONDS = 120

NEVER_FALLS = """
    CREATE TABLE IF NOT EXISTS fallen (what text);
    CREATE OR REPLACE FUNCTION note_fall() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' OR (NEW.created_at, NEW.event_id) < (OLD.created_at, OLD.event_id) THEN
            INSERT INTO fallen VALUES (OLD::text);
        END IF;
        RETURN NULL;
    END $$;
    CREATE OR REPLACE TRIGGER note_fall AFTER UPDATE OR DELETE ON orly_policy.mark
        FOR EACH ROW EXECUTE FUNCTION note_fall();
"""
"""Has the database note each mark that falls."""

Marks = dict[str, tuple[int, str]]


@attrs.define(eq=False)
class Killable:
    """A node that is a process."""

    number: int
    folder: Path
    started: Children
    log: Path
    pid: int = 0
    marks: Marks = attrs.Factory(dict)

    def start(self, first: int) -> None:
        """Start it again; its changes are dated from ``first`` on."""
        first += (self.number - first) % NODES
        self.pid = self.started.start(children.change, self.folder, self.log, first)

    def kill(self) -> None:
        """As ``kill -9``. Of the marks that it had kept, none has fallen."""
        assert is_alive(self.pid), "it has ended by itself"
        self.started.kill(self.pid)
        self.check_marks()

    def check_marks(self) -> None:
        file = self.folder / "policy-copy" / "policy-history" / "freshness.json"
        now = marks_in(read_json(file)) if file.exists() else {}
        for author, mark in self.marks.items():
            assert now[author] >= mark
        self.marks = now

    @property
    def version(self) -> str:
        file = self.folder / "version"
        return file.read_text() if file.exists() else ""


def marks_in(said: dict[str, Any]) -> Marks:
    everybody = {"": said["owner"], **said["admins"]} if said.get("owner") else said["admins"]
    return {who: (each["created_at"], each["event_id"]) for who, each in everybody.items()}


@pytest.fixture
def started() -> Iterator[Children]:
    made = Children(children.__file__)
    yield made
    made.close()


def told(log: Path, what: str) -> list[dict[str, Any]]:
    """The events that nodes have said this of, in whole lines."""
    text = log.read_text() if log.exists() else ""
    lines = map(json.loads, text[: text.rfind("\n") + 1].splitlines())
    return [line["event"] for line in lines if line["what"] == what]


@pytest.mark.heavy
def test_nodes_and_database_killed(machine: Machine, started: Children) -> None:
    """All nodes end with the same version, the history is one line, no mark ever fell, and nothing
    acknowledged is lost.
    """
    nodes, log = machine.nodes, machine.nodes.folder / "log"
    nodes.run(NEVER_FALLS)
    (nodes.folder / "fleet.json").write_text(
        json.dumps({"store": nodes.url, "fleet": nodes.fleet})
    )
    three = [Killable(n, nodes.new(policy()).folder, started, log) for n in range(NODES)]
    base = int(time.time()) - 10_000_000
    for node in three:
        node.start(base)

    def accepted_beyond(count: int) -> None:
        eventually(lambda: len(told(log, "accepted")) >= count, LONGEST_SECONDS)

    kills = (["database", *three] * KILLS)[:KILLS]
    random.shuffle(kills)
    for n, killed in enumerate(kills):
        accepted_beyond(CHANGES * (n + 1) // (KILLS + 1))
        time.sleep(random.uniform(0, 0.1))
        if isinstance(killed, Killable):
            killed.kill()
            killed.start(max(event["created_at"] for event in told(log, "tried")) + 1)
        else:
            machine.kill()
            machine.start()
    accepted_beyond(CHANGES)
    (nodes.folder / "over").touch()
    [(newest,)] = nodes.run(
        "SELECT count(*) FROM orly_policy.history WHERE fleet = %s", nodes.fleet
    )
    assert newest >= CHANGES
    eventually(lambda: {node.version for node in three} == {version_of(machine)}, LONGEST_SECONDS)
    for node in three:
        node.kill()
    assert nodes.run("SELECT * FROM fallen") == []
    check_line(machine)
    check_nothing_is_lost(machine, log)


def version_of(machine: Machine) -> str:
    [(version,)] = machine.nodes.run(
        "SELECT version FROM orly_policy.history WHERE fleet = %s ORDER BY number DESC LIMIT 1",
        machine.nodes.fleet,
    )
    return str(version)


def check_line(machine: Machine) -> None:
    """Each version follows from the one before it."""
    fleet = machine.nodes.fleet
    numbers = machine.nodes.run(
        "SELECT number FROM orly_policy.history WHERE fleet = %s ORDER BY number", fleet
    )
    assert [number for (number,) in numbers] == list(range(1, len(numbers) + 1))
    store = PostgresStore(Address.parse(machine.nodes.url, fleet))
    try:
        problems: list[Problem] = []
        history = list(store.history(problems))[::-1]
        withdrawn = store.read(lambda _: frozenset()).withdrawn
    finally:
        store.close()
    assert not problems
    assert len(history) == len(numbers)
    check_one_line(history, withdrawn)


def check_nothing_is_lost(machine: Machine, log: Path) -> None:
    fleet = machine.nodes.fleet
    accepted, tried = told(log, "accepted"), told(log, "tried")
    recorded = [
        event_id
        for (event_id,) in machine.nodes.run(
            "SELECT event_id FROM orly_policy.history WHERE fleet = %s AND event_id IS NOT NULL",
            fleet,
        )
    ]
    assert len(recorded) == len(set(recorded))
    sent = {event["id"] for event in accepted if event["kind"] == 12345}
    assert sent <= set(recorded)
    assert set(recorded) <= {event["id"] for event in tried}
    query = "SELECT event_id FROM orly_policy.{} WHERE fleet = %s"
    standing, withdrawn = (
        {event_id for (event_id,) in machine.nodes.run(query.format(table), fleet)}
        for table in ("contribution", "withdrawal")
    )
    named = {tag[1] for event in accepted if event["kind"] == 5 for tag in event["tags"]}
    assert named
    assert named <= withdrawn
    assert not standing & withdrawn
    added = {event["id"] for event in accepted if event["pubkey"] != owner.pubkey}
    assert added
    assert added <= standing | withdrawn
    marks = {
        author: (created_at, event_id)
        for author, created_at, event_id in machine.nodes.run(
            "SELECT author, created_at, event_id FROM orly_policy.mark WHERE fleet = %s", fleet
        )
    }
    for event in accepted:
        if event["kind"] == 12345:
            author = "" if event["pubkey"] == owner.pubkey else event["pubkey"]
            assert marks[author] >= (event["created_at"], event["id"])
