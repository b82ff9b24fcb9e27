"""The policies and events of the decision rows: generated, always the same.

Shared with ``tests/test_call_counts.py``, which imports this file alone; so it imports nothing of
this folder.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

from orly_policy_hookspecs import Decision, Event, Gate
from orly_policy_plugin.decisions import Snapshot, compile_policy
from orly_policy_plugin.plugin import NAME, PolicyPlugin
from orly_policy_plugin.policy import Lists, read_policy
from orly_policy_plugin.policy.named_lists import NO_LISTS

NOW: Final = 1_700_000_000
"""Unix seconds."""


def key(number: int) -> str:
    """A pubkey in hex: 64 characters that are nobody's."""
    return hashlib.sha256(number.to_bytes(8, "big")).hexdigest()


AUTHOR: Final = key(0)
SUBMITTER: Final = AUTHOR
STRANGER: Final = key(2**40)


@attrs.frozen(kw_only=True)
class AnEvent:
    """A plain event object, as a relay has one."""

    id: str = key(1)
    pubkey: str = AUTHOR
    created_at: int = NOW - 10
    kind: int = 1
    tags: Sequence[Sequence[str]] = ()
    content: str = "hello"
    sig: str = key(2) + key(3)


@attrs.frozen
class Workload:
    """One row's decisions."""

    name: str
    policy: bytes
    """The policy file's content."""
    events: tuple[Event, ...]
    """Decided in turn."""
    keys: tuple[str, ...] = (SUBMITTER,)
    """Who authenticated."""
    lists: Lists = NO_LISTS
    """The keys of the policy's named lists."""
    accepts: bool = True
    """The outcome that every decision must have: a benchmark of the wrong one measures nothing."""

    def compiled(self) -> Snapshot:
        """The policy, ready to decide.

        :raises ValueError: it does not decide as it should.
        """
        snapshot = compile_policy(read_policy(self.policy), lists=self.lists)
        for event in self.events:
            self.check(snapshot.write(event, self.keys, NOW))
        return snapshot

    def check(self, decision: object) -> None:
        """See :attr:`accepts`.

        :raises ValueError: it is the other one, or none yet.
        """
        if not isinstance(decision, Decision) or decision.accepted != self.accepts:
            raise ValueError(f"{self.name}: {decision}")


def gate_with(plugin: PolicyPlugin) -> Gate:
    """A gate as a relay has it, with the engine as its only plugin."""
    gate = Gate()
    gate.register(plugin, NAME)
    gate.check()
    return gate


def _as_file(policy: dict[str, Any]) -> bytes:
    return json.dumps(policy).encode()


# --- the policies


def simple() -> Workload:
    """The submitter is the one who is allowed; three kinds are."""
    policy = {"kind": {"whitelist": [1, 3, 5]}, "rules": {"1": {"write_allow": [SUBMITTER]}}}
    return Workload("simple", _as_file(policy), (AnEvent(),))


def shadow(kind: int) -> bytes:
    """The policy of ``simple``, with one more limit for a kind."""
    rules: dict[str, Any] = {"1": {"write_allow": [SUBMITTER]}}
    rules.setdefault(str(kind), {})["content_limit"] = 1_000_000
    return _as_file({"kind": {"whitelist": [1, 3, 5]}, "rules": rules})


def kinds() -> Workload:
    """100 rules, each for somebody else; events of 100 kinds in turn."""
    rules = {str(kind): {"write_allow": [key(1000 + kind)]} for kind in range(100)}
    events = tuple(AnEvent(kind=kind) for kind in range(100))
    return Workload("kinds", _as_file({"rules": rules}), events, accepts=False)


def whitelist() -> Workload:
    """One of 1,000 kinds."""
    policy = {"kind": {"whitelist": list(range(1000))}}
    return Workload("whitelist", _as_file(policy), (AnEvent(kind=500),))


def blacklist() -> Workload:
    """Not one of 1,000 kinds."""
    policy = {"kind": {"blacklist": list(range(1000))}}
    return Workload("blacklist", _as_file(policy), (AnEvent(kind=1500),))


def tags() -> Workload:
    """200 tags, and rules that look at every one. A write, as in the reference's benchmark, so
    that ``privileged`` has nothing to say.
    """
    rule = {
        "size_limit": 100_000,
        "content_limit": 10_000,
        "must_have_tags": ["p", "e"],
        "write_allow": [SUBMITTER],
        "privileged": True,
    }
    event = AnEvent(
        tags=[[name, key(number)] for number in range(100) for name in ("p", "e")],
        content="many tags",
    )
    return Workload("tags", _as_file({"rules": {"1": rule}}), (event,))


def large() -> Workload:
    """Content of 100,000 characters under limits in bytes."""
    rule = {"size_limit": 200_000, "content_limit": 200_000}
    return Workload("large", _as_file({"rules": {"1": rule}}), (AnEvent(content="x" * 100_000),))


def regex() -> Workload:
    """An article, its identifier and three tags held against expressions."""
    rule = {
        "size_limit": 100_000,
        "content_limit": 50_000,
        "identifier_regex": "^[a-z0-9-]{1,64}$",
        "tag_validation": {"t": "^[a-z0-9-]{1,32}$", "title": "^\\S.*$"},
    }
    event = AnEvent(
        kind=30023,
        content="a" * 1000,
        tags=[
            ["d", "how-fast-is-it"],
            ["t", "nostr"],
            ["t", "policy"],
            ["title", "How fast is it?"],
            ["published_at", str(NOW)],
        ],
    )
    return Workload("regex", _as_file({"rules": {"30023": rule}}), (event,))


def allow_file(others: int) -> bytes:
    """A policy with a ``write_allow`` of this many keys, and the submitter as the last."""
    keys = [key(number) for number in range(1, others + 1)]
    return _as_file({"rules": {"1": {"write_allow": [*keys, SUBMITTER]}}})


def allow_10k() -> Workload:
    """The last of 10,001."""
    return Workload("allow-10k", allow_file(10_000), (AnEvent(),))


def allow_1m() -> Workload:
    """The last of 1,000,001."""
    return Workload("allow-1m", allow_file(1_000_000), (AnEvent(),))


def list_1m() -> Workload:
    """A named list of 1,000,001."""
    policy = {"lists": {"m": {"file": "m.txt"}}, "rules": {"1": {"write_allow": ["@m"]}}}
    keys = frozenset([*map(key, range(1, 1_000_001)), SUBMITTER])
    return Workload("list-1m", _as_file(policy), (AnEvent(),), lists={"m": keys})


WORKLOADS: Final[dict[str, Callable[[], Workload]]] = {
    "simple": simple,
    "kinds": kinds,
    "whitelist": whitelist,
    "blacklist": blacklist,
    "tags": tags,
    "large": large,
    "regex": regex,
    "allow-10k": allow_10k,
    "allow-1m": allow_1m,
    "list-1m": list_1m,
}


READ_POLICY: Final = _as_file(
    {
        "global": {"size_limit": 100_000},
        "rules": {"1": {"read_deny": [STRANGER]}, "7": {"privileged": True}},
    }
)
"""A privileged kind, a ``read_deny`` and a global size limit, for kinds that are read most."""


def stored_events(count: int = 500) -> list[Event]:
    """Events that a REQ may find: notes and reactions of about the size of real ones, unsigned."""
    return [
        AnEvent(
            id=key(5_000_000 + number),
            pubkey=key(number % 100),
            kind=(1, 7)[number % 3 == 0],
            content="A note. " * (number % 40),
            tags=[["e", key(number + 1)], ["p", key(number + 2), "wss://relay.example"]],
        )
        for number in range(count)
    ]
