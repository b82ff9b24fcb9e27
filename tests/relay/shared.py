"""Relays that many tests share, with a look into their logs in the end."""

import contextlib
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from depth import IS_LONG

from .policies import POLICY
from .process import MemoryRelay, MonstrRelay, Relay

TODAY = ("sqlite", "lmdb")
STORAGES = (*TODAY, "memory", "monstr") if IS_LONG else TODAY
"""The others are what the kit for hosts is run against, every time."""
_FAULT = re.compile(r"(?m)^[ |]*[\w.]*(?:Error|Exception|Warning|Disconnected)\b.*")
UNPARSABLE = re.compile("Parse error at offset|parse recursion depth|integer value|4300 digits")
"""What rapidjson says of a message that is nested too deeply or has an endless number: the text
differs between Pythons.
"""


def not_of_today(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """What is said of both storages is said of one of them a test, half of the tests of each: of
    both only in the long run.
    """
    of_storages: defaultdict[str, dict[str, pytest.Item]] = defaultdict(dict)
    for item in items:
        if (storage := _storage(item)) in TODAY:
            of_storages[item.nodeid.replace(storage, "")][storage] = item
    if IS_LONG:
        return []
    return [
        of_each[TODAY[zlib.crc32(name.encode()) % len(TODAY)]]
        for name, of_each in of_storages.items()
        if of_each.keys() == set(TODAY)
    ]


def _storage(item: pytest.Item) -> str:
    given = item.callspec.params if hasattr(item, "callspec") else {}
    return str(given.get("relay", given.get("attacked", "")))


def with_storage(storage: str, folder: Path) -> Relay:
    """A relay with :data:`.policies.POLICY`: nostr-relay, or one of the others."""
    others = {"memory": MemoryRelay, "monstr": MonstrRelay}
    if (other := others.get(storage)) is not None:
        return other(folder, POLICY)
    return Relay(folder, POLICY, storage)


@contextlib.contextmanager
def faultless(relay: Relay) -> Iterator[Relay]:
    """A relay that runs. In the end its log has no fault but JSON that could not be parsed."""
    with relay as running:
        yield running
        assert running.alive
    faults = _FAULT.findall(running.stderr)
    assert [fault for fault in faults if not UNPARSABLE.search(fault)] == [], running.stderr
