"""A relay's policy in a folder of its own, its people, and the events that they sign."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from examples import NOBODY, NOW, AnEvent, by
from relay.signing import Key, named_key

from orly_policy_hookspecs import Decision, Gate
from orly_policy_plugin.plugin import NAME, PolicyPlugin

Json = dict[str, Any]

owner, second_owner, admin, second_admin, stranger, friend, foe = (
    named_key(name)
    for name in ("owner", "second owner", "admin", "second admin", "stranger", "friend", "foe")
)
RELAY = "wss://relay.example"


def policy(**members: Any) -> Json:
    """A policy with an owner and two admins, under which only named kinds and people may write."""
    return {
        "owners": [owner.pubkey],
        "policy_admins": [admin.pubkey, second_admin.pubkey],
        "default_policy": "deny",
        "rules": {"1": {"write_allow": [owner.pubkey], "size_limit": 1000}},
        **members,
    }


def signed(
    key: Key,
    content: Any,
    created_at: int = NOW,
    *,
    kind: int = 12345,
    tags: list[list[str]] | None = None,
) -> AnEvent:
    """A signed event; a content that is no text becomes JSON."""
    text = content if isinstance(content, str) else json.dumps(content)
    return AnEvent(**key.event(kind, text, tags, created_at))


def follows(key: Key, *followed: Key | str, created_at: int = NOW) -> AnEvent:
    """A follow list."""
    names = [one if isinstance(one, str) else one.pubkey for one in followed]
    return signed(key, "", created_at, kind=3, tags=[["p", name] for name in names])


def withdrawing(key: Key, *events: AnEvent | str, created_at: int = NOW) -> AnEvent:
    """A kind 5."""
    ids = [one if isinstance(one, str) else one.id for one in events]
    return signed(key, "", created_at, kind=5, tags=[["e", event_id] for event_id in ids])


@attrs.define
class World:
    """One relay's policy and its clock."""

    folder: Path
    now: float = NOW
    """The relay's clock."""
    settings: Json = attrs.Factory(dict)
    plugin: PolicyPlugin = attrs.field(init=False)
    gate: Gate = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        if not self.file.exists():
            self.save(policy())
        self.restart()

    @property
    def file(self) -> Path:
        return self.folder / "policy.json"

    @property
    def contributions(self) -> Path:
        return self.folder / "policy-contributions"

    @property
    def freshness(self) -> Json:
        """What ``freshness.json`` says."""
        return read_json(self.folder / "policy-history" / "freshness.json")

    @property
    def version(self) -> str:
        return self.plugin.snapshot.version

    def save(self, content: Json | str | bytes) -> None:
        """Write the policy file by hand, as an editor that renames."""
        if isinstance(content, dict):
            content = json.dumps(content)
        if isinstance(content, str):
            content = content.encode()
        temporary = self.folder / "edited"
        temporary.write_bytes(content)
        temporary.replace(self.file)

    def restart(self) -> None:
        """Load everything again, as another process would."""
        if hasattr(self, "gate"):
            self.gate.blocking.close()
        self.plugin = PolicyPlugin.load(self.file, clock=lambda: self.now, **self.settings)
        self.gate = Gate()
        self.gate.register(self.plugin, NAME)

    @contextmanager
    def running(self) -> Iterator[None]:
        """With the folder watched."""
        self.plugin.start()
        try:
            yield
        finally:
            self.plugin.stop()

    def apply(self, event: AnEvent) -> Decision:
        return self.gate.blocking.policy_event(event, NOBODY)

    def applied(self, event: AnEvent) -> str:
        """Apply an event that must be accepted; the answer's text."""
        answer = self.apply(event)
        assert answer.accepted, answer.message
        return answer.message

    def refused(self, event: AnEvent) -> str:
        """Apply an event that must be refused, and must change nothing; the answer's text."""
        before, in_force, status = self.on_disk(), self.plugin.snapshot, self.plugin.status
        answer = self.apply(event)
        assert not answer.accepted, answer.message
        assert self.on_disk() == before
        assert self.plugin.snapshot is in_force
        assert self.plugin.status == status
        return answer.message

    def follow(self, event: AnEvent) -> None:
        self.gate.blocking.kind3(event, NOBODY)

    def may_write(self, key: Key, kind: int = 1, **fields: Any) -> bool:
        event = AnEvent(**{"pubkey": key.pubkey, "kind": kind, "created_at": self.now, **fields})
        return self.gate.blocking.write(event, by(key.pubkey)).accepted

    def may_read(self, key: Key, kind: int = 1, **fields: Any) -> bool:
        event = AnEvent(**{"kind": kind, **fields})
        return self.gate.blocking.read(event, by(key.pubkey)).accepted

    def on_disk(self) -> dict[str, tuple[bytes, int]]:
        """Every file's content and inode; the lock file is no state."""
        return {
            str(path.relative_to(self.folder)): (path.read_bytes(), path.stat().st_ino)
            for path in self.folder.rglob("*")
            if path.is_file() and path.name != ".lock"
        }

    def history(self) -> list[tuple[str, str | None]]:
        """How each version came and by which event, oldest first."""
        found = sorted((self.folder / "policy-history").glob("*-*-*.json"))
        entries = [read_json(path) for path in found]
        return [(entry["how"], entry["event_id"]) for entry in entries]


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def eventually(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something is true; long enough for a machine that is busy."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)
