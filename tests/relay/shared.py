"""Relays that many tests share, with a look into their logs in the end."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import depth

from .policies import POLICY
from .process import MemoryRelay, MonstrRelay, Relay

STORAGES = (*depth.STORAGES, "memory", "monstr") if depth.IS_LONG else depth.STORAGES
"""The others are what the kit for hosts is run against, every time."""
_FAULT = re.compile(r"(?m)^[ |]*[\w.]*(?:Error|Exception|Warning|Disconnected)\b.*")
UNPARSABLE = re.compile("Parse error at offset|parse recursion depth|integer value|4300 digits")
"""What rapidjson says of a message that is nested too deeply or has an endless number: the text
differs between Pythons.
"""


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
