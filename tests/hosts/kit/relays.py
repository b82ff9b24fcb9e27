"""The hosts of which the kit is said, each as a process of its own; docs/host-kit.md has one more.

Another one is a function that starts it in a folder, and a row of :data:`RELAYS`.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Final

import postgres
from relay.process import MemoryRelay, MonstrRelay, Relay

from hosts.upstream.processes import OPEN, NodeRelay, Proxy, RustRelay, StockRelay
from orly_policy_plugin.hosts.kit import Ability, RunningHost, write_policy
from orly_policy_plugin.hosts.kit.raising import DETAIL, install_raising_plugin

from .like_strfry import PLUGINS

Start = Callable[[Path], AbstractContextManager[RunningHost]]


def plugged(folder: Path) -> dict[str, str]:
    """The environment in which a relay finds the kit's plugin."""
    return {"PYTHONPATH": str(install_raising_plugin(folder / PLUGINS))}


@contextlib.contextmanager
def running(relay: Relay, cannot: Mapping[Ability, str]) -> Iterator[RunningHost]:
    """A relay, until its tests are over; it has lived and had no fault till then."""
    with relay:
        yield RunningHost(relay.url, relay.policy, cannot=cannot)
        assert relay.alive
    faults = relay.stderr.split("Traceback")[1:]
    unexpected = [fault for fault in faults if DETAIL not in fault]
    assert not unexpected, relay.stderr


@contextlib.contextmanager
def nostr_relay(folder: Path, storage: str) -> Iterator[RunningHost]:
    policy = write_policy(folder)
    with running(Relay(folder, policy, storage, environment=plugged(folder)), {}) as host:
        yield host


@contextlib.contextmanager
def on_postgresql(folder: Path) -> Iterator[RunningHost]:
    policy = write_policy(folder)
    database = ("--database", postgres.url())
    relay = Relay(folder, policy, options=database, environment=plugged(folder))
    with running(relay, {}) as host:
        yield host


@contextlib.contextmanager
def on_monstr(folder: Path) -> Iterator[RunningHost]:
    relay = MonstrRelay(folder, write_policy(folder), environment=plugged(folder))
    with running(relay, {}) as host:
        yield host


@contextlib.contextmanager
def proxied(
    folder: Path, upstream: Relay, cannot: Mapping[Ability, str], proxies: int = 1
) -> Iterator[RunningHost]:
    """A proxy before a relay, or one before another that lets all pass."""
    with ExitStack() as stack:
        relay = stack.enter_context(upstream)
        for number in range(1, proxies):
            beside = folder / f"proxy-{number}"
            beside.mkdir()
            relay = stack.enter_context(Proxy(beside, OPEN, relay.url))
        policy = write_policy(folder)
        proxy = Proxy(folder, policy, relay.url, environment=plugged(folder))
        yield stack.enter_context(running(proxy, cannot))


@contextlib.contextmanager
def like_strfry(folder: Path) -> Iterator[RunningHost]:
    policy = write_policy(folder)
    install_raising_plugin(folder / PLUGINS)
    cannot = {Ability.READS: "strfry asks its write policy about writes alone"}
    with running(MemoryRelay(folder, policy, module="hosts.kit.like_strfry"), cannot) as host:
        yield host


STOCK: Final = {
    Ability.DELETING_FOR_GOOD: "stock nostr-relay remembers no deletion",
    Ability.REPLACING: "stock nostr-relay stores older versions, too",
    Ability.VANISHING: "stock nostr-relay makes nobody vanish",
}
RUST: Final = {
    Ability.DELETING_FOR_GOOD: "nostr-sdk's relay remembers no deletion",
    Ability.PROTECTING: "nostr-sdk's relay wants the author itself to authenticate",
    Ability.VANISHING: "nostr-sdk's relay makes nobody vanish",
}
NODE: Final = {
    Ability.DELETING_FOR_GOOD: "@nostr-relay/core remembers no deletion",
    Ability.VANISHING: "@nostr-relay/core makes nobody vanish",
}
TWICE: Final = {
    **STOCK,
    Ability.PROTECTING: "the proxy behind wants the author itself to authenticate",
}


def _within(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made


def before_stock(folder: Path) -> AbstractContextManager[RunningHost]:
    return proxied(folder, StockRelay(_within(folder, "upstream")), STOCK)


def before_itself(folder: Path) -> AbstractContextManager[RunningHost]:
    return proxied(folder, StockRelay(_within(folder, "upstream")), TWICE, proxies=2)


def before_rust(folder: Path) -> AbstractContextManager[RunningHost]:
    return proxied(folder, RustRelay(_within(folder, "upstream")), RUST)


def before_node(folder: Path) -> AbstractContextManager[RunningHost]:
    return proxied(folder, NodeRelay(_within(folder, "upstream")), NODE)


RELAYS: Final[dict[str, Start]] = {
    "sqlite": lambda folder: nostr_relay(folder, "sqlite"),
    "lmdb": lambda folder: nostr_relay(folder, "lmdb"),
    "postgresql": on_postgresql,
    "monstr": on_monstr,
    "strfry": like_strfry,
    "proxy-stock": before_stock,
    "proxy-rust": before_rust,
    "proxy-node": before_node,
    "proxy-proxy": before_itself,
}
