"""``python -m benchmarks.fleet``: what the nodes of a fleet cost their database.

The nodes are stores that are followed, ten a process, without the engines behind them: what is
measured is the database, on the machine that all of them run on. The figures of docs/fleet.md.
"""

import argparse
import hashlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import attrs

from orly_policy_plugin.authority.freshness import Freshness
from orly_policy_plugin.follows import FollowList
from orly_policy_plugin.state import Entry
from orly_policy_plugin.state.address import Address
from orly_policy_plugin.state.postgres import PostgresStore
from orly_policy_plugin.state.postgres.init import init_store
from orly_policy_plugin.state.store import FollowListsKept, PolicyReplaced

from .admins_child import _key, _signed
from .children import Child, started
from .database import database, url_of

_NODES_A_PROCESS: Final = 10
_QUIET_SECONDS: Final = 10.0
_CHANGES: Final = 20
_FLEET: Final = "relay"
_CHILD: Final = "benchmarks.fleet_child"


@attrs.define(eq=False)
class _Fleet:
    """A database, and all that looks at it."""

    server: Any
    url: str
    children: Sequence[Child] = ()
    nodes: int = 0

    @property
    def cpu_seconds(self) -> float:
        """Of all the server's processes."""
        process = self.server.get_postmaster_info().process
        running = sum(_cpu_seconds(each.pid) for each in (process, *process.children()))
        ended = process.cpu_times()
        return float(running + ended.children_user + ended.children_system)

    def heard(self, fact: str, *, by_each: bool = True) -> list[dict[str, Any]]:
        """A line with this fact by each node, or by each process."""
        return [
            line
            for child in self.children
            for line in child.heard(fact, _NODES_A_PROCESS if by_each else 1)
        ]

    def ask(self, command: str) -> None:
        for child in self.children:
            child.ask(command)


def _cpu_seconds(pid: int) -> float:
    """Of a process of one thread; what the system counts elsewhere it cuts to hundredths."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def main() -> None:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser("python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--nodes", type=int, default=100, help="a multiple of ten")
    parser.add_argument("--policy-bytes", type=int, default=100_000)
    parser.add_argument("--lists", type=int, default=200, help="follow lists of 1,000 keys each")
    parser.add_argument("--keys", type=int, default=500, help="active rate keys of each node")
    arguments = parser.parse_args()
    with _fleet(arguments.nodes, arguments.policy_bytes) as fleet:
        _measure_quiet(fleet)
        _measure_changes(fleet, arguments.policy_bytes)
        _measure_lists(fleet, arguments.lists)
        _measure_rates(fleet, arguments.keys)


def _measure_quiet(fleet: _Fleet) -> None:
    before = fleet.cpu_seconds
    time.sleep(_QUIET_SECONDS)
    share = (fleet.cpu_seconds - before) / _QUIET_SECONDS
    _say(
        f"{fleet.nodes} nodes, {2 * fleet.nodes} connections, nothing happens: "
        f"{100 * share:.2f} % of a core"
    )


def _measure_changes(fleet: _Fleet, size: int) -> None:
    store = PostgresStore(Address.parse(fleet.url, _FLEET))
    took, before = list[float](), fleet.cpu_seconds
    for number in range(_CHANGES):
        content = _policy(size, number)
        _put(store, content)
        changed_at = time.time()
        digest = hashlib.sha256(content).hexdigest()
        told = fleet.heard("told")
        if any(line["told"] != digest for line in told):
            raise ValueError("a node was told of another policy")
        took += [line["at"] - changed_at for line in told]
    cost = (fleet.cpu_seconds - before) / _CHANGES
    store.close()
    took.sort()
    _say(
        f"a change of a policy of {size:,} bytes: p50 {1000 * statistics.median(took):.0f} ms, "
        f"p99 {1000 * took[int(0.99 * len(took))]:.0f} ms, latest {1000 * took[-1]:.0f} ms; "
        f"{1000 * cost:.0f} ms of the database's processor time, "
        f"{fleet.nodes * size / 1e6:.1f} MB to all nodes"
    )


def _measure_lists(fleet: _Fleet, count: int) -> None:
    events = [
        _signed(
            _key(f"author {number}"),
            3,
            "",
            [["p", hashlib.sha256(f"{number} {i}".encode()).hexdigest()] for i in range(1_000)],
            int(time.time()),
        )
        for number in range(count)
    ]
    size = sum(len(json.dumps(event)) for event in events)
    store = PostgresStore(Address.parse(fleet.url, _FLEET))
    begun = time.perf_counter()
    with store.exclusive() as step:
        step.apply(FollowListsKept({e["pubkey"]: (_list_of(e), _Event(**e)) for e in events}))
    kept = time.perf_counter() - begun
    store.close()
    before = fleet.cpu_seconds
    fleet.ask("read")
    read = fleet.heard("lists")
    if any(line["lists"] != count for line in read):
        raise ValueError("a node has not read all lists")
    cost = fleet.cpu_seconds - before
    took = statistics.median(line["seconds"] for line in read)
    _say(
        f"{count:,} follow lists of 1,000 keys, {size / 1e6:.1f} MB: kept in {kept:.1f} s; "
        f"read by a node in {took:.2f} s, with all of them at it; "
        f"{fleet.nodes * size / 1e6:.0f} MB to all nodes, "
        f"{1000 * cost / fleet.nodes:.0f} ms of the database's processor time a node"
    )


def _measure_rates(fleet: _Fleet, keys: int) -> None:
    before = fleet.cpu_seconds
    fleet.ask(f"rates {keys}")
    took = [line["seconds"] for line in fleet.heard("exchanged")]
    cost = fleet.cpu_seconds - before
    _say(
        f"{keys:,} active rate keys a node, {fleet.nodes * keys:,} in all: an exchange takes "
        f"{statistics.median(took):.2f} s, {1000 * cost / fleet.nodes:.0f} ms of the database's "
        "processor time a node"
    )


@attrs.frozen
class _Event:
    id: str
    pubkey: str
    created_at: int
    kind: int
    tags: Any
    content: str
    sig: str


def _list_of(event: dict[str, Any]) -> FollowList:
    followed = frozenset(tag[1] for tag in event["tags"])
    return FollowList(event["pubkey"], event["created_at"], event["id"], followed)


def _policy(size: int, number: int) -> bytes:
    """A policy of about so many bytes, another for each number."""
    keys = [hashlib.sha256(f"{number} {i}".encode()).hexdigest() for i in range(size // 70)]
    return json.dumps({"rules": {"1": {"write_allow": keys}}}).encode()


def _put(store: PostgresStore, content: bytes) -> None:
    version = hashlib.sha256(content).hexdigest()[:12]
    entry = Entry(version=version, recorded_at=int(time.time()), how="publish", content=content)
    with store.exclusive() as step:
        step.apply(PolicyReplaced(entry=entry, freshness=Freshness()))


@contextmanager
def _fleet(nodes: int, policy_bytes: int) -> Iterator[_Fleet]:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        server = database(folder, 2 * nodes + 20)
        stack.callback(server.cleanup)
        url = url_of(server)
        address = Address.parse(url, _FLEET)
        init_store(address)
        store = PostgresStore(address)
        _put(store, _policy(policy_bytes, -1))
        store.close()
        fleet = _Fleet(server, url)
        for _ in range(nodes // _NODES_A_PROCESS):
            fleet.children = [
                *fleet.children,
                stack.enter_context(started(_CHILD, url, _FLEET, f"{_NODES_A_PROCESS}")),
            ]
            fleet.nodes += _NODES_A_PROCESS
        fleet.heard("ready", by_each=False)
        yield fleet


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
