"""Nodes of a fleet: each an engine with a folder of its own, all in this process."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import attrs
import psycopg
from examples import NOBODY, AnEvent
from live.making import owner, policy

from orly_policy_hookspecs import Decision
from orly_policy_plugin.plugin import PolicyPlugin
from orly_policy_plugin.settings import Settings
from orly_policy_plugin.state.address import Address
from orly_policy_plugin.state.postgres.init import init_store

LONGEST_SECONDS = 30


@attrs.define(eq=False)
class Node:
    """One relay."""

    folder: Path
    url: str
    fleet: str
    clock: Any = time.time
    settings: dict[str, Any] = attrs.Factory(dict)
    plugin: PolicyPlugin = attrs.field(init=False)

    @property
    def file(self) -> Path:
        return self.folder / "policy.json"

    @property
    def copy(self) -> Path:
        return self.folder / "policy-copy"

    @property
    def version(self) -> str:
        return self.plugin.snapshot.version

    @property
    def problems(self) -> str:
        """What its status says is wrong."""
        return "; ".join(map(str, self.plugin.status.problems))

    def start(self) -> "Node":
        self.plugin = PolicyPlugin(
            Settings(
                path=self.file,
                store=self.url,
                fleet=self.fleet,
                missing_follow_lists="warn",
                **self.settings,
            ),
            clock=self.clock,
        )
        self.plugin.start()
        return self

    def stop(self) -> None:
        if hasattr(self, "plugin"):
            self.plugin.stop()

    def save(self, content: dict[str, Any] | str) -> None:
        """Write its policy file, as an editor that renames."""
        text = content if isinstance(content, str) else json.dumps(content)
        temporary = self.folder / "edited"
        temporary.write_text(text)
        temporary.replace(self.file)

    @property
    def has_dealt_with_its_file(self) -> bool:
        """Whether what is saved there has changed the store, or will change nothing."""
        file = self.plugin._file
        return file is not None and file._content == self.file.read_bytes()

    def apply(self, event: AnEvent) -> Decision:
        answer = asyncio.run(self.plugin.on_policy_event(event, NOBODY))
        assert answer is not None
        return answer

    def applied(self, event: AnEvent) -> str:
        answer = self.apply(event)
        assert answer.accepted, answer.message
        return answer.message

    def follow(self, event: AnEvent) -> None:
        asyncio.run(self.plugin.on_kind3(event, NOBODY))


@attrs.define(eq=False)
class Nodes:
    """The nodes of one fleet."""

    folder: Path
    url: str
    fleet: str
    all: list[Node] = attrs.Factory(list)

    def new(
        self,
        content: dict[str, Any] | None = None,
        *,
        url: str = "",
        name: str = "",
        clock: Any = time.time,
        **settings: Any,
    ) -> Node:
        """A node that is not started.

        :param content: its policy file; none where ``None``.
        :param url: where it finds the database, if not where the others do.
        """
        folder = self.folder / (name or f"node {len(self.all)}")
        folder.mkdir(exist_ok=True)
        made = Node(folder, url or self.url, self.fleet, clock, settings)
        if content is not None:
            made.save(content)
        self.all.append(made)
        return made

    def started(self, count: int, content: dict[str, Any] | None = None) -> list[Node]:
        """Nodes with the same policy file, started."""
        content = policy(owners=[owner.pubkey]) if content is None else content
        return [self.new(content).start() for _ in range(count)]

    def stop(self) -> None:
        while self.all:
            self.all.pop().stop()

    def init(self) -> None:
        init_store(Address.parse(self.url, self.fleet))

    def run(self, query: Any, *values: Any) -> list[Any]:
        """Run a statement as the database's owner."""
        with psycopg.connect(self.url) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def history(self) -> list[str]:
        """How each version came, newest first."""
        rows = self.run(
            "SELECT how FROM orly_policy.history WHERE fleet = %s ORDER BY number DESC",
            self.fleet,
        )
        return [how for (how,) in rows]


def same_version(nodes: list[Node]) -> bool:
    return len({node.version for node in nodes}) == 1
