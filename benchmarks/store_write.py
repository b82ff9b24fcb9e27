"""What a store costs a node's writes: a node with a policy file, and one with a fleet's store.

Both are processes that take events as a session takes them from a client, in turns, each from the
same addresses under a rate limit. A second node of the fleet takes some as well, so that there is
something to hear.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import attrs

from orly_policy_plugin.state.address import Address

from . import ROOT
from .database import database, url_of
from .timing import Effort

_ROUNDS: Final = 10
"""Each with new processes: one may be slower than another by some hundredths all its life."""
_TURNS: Final = 24
"""Of a round. They are short, so that neighbours find the machine alike."""
_WRITES: Final = 500
_OF_OTHER: Final = 50
_POLICY: Final = {"default_policy": "allow", "global": {"rate_limit": 100_000_000}}
_FLEET: Final = "relay"


class NotMeasured(Exception):
    """There is no PostgreSQL to measure with."""


@attrs.frozen
class Times:
    """The seconds of each turn, by the clock and of the processor, all threads together."""

    file: tuple[float, ...]
    file_cpu: tuple[float, ...]
    store: tuple[float, ...]
    store_cpu: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Writes a second with a store to those without."""
        return sum(self.file) / sum(self.store)

    @property
    def ratio_by_cpu(self) -> float:
        """The same of writes for a second of the processor, which other work disturbs less."""
        return sum(self.file_cpu) / sum(self.store_cpu)


def writes(effort: Effort) -> Times:
    """Take events at both in turns.

    :raises NotMeasured: what a store needs is not installed.
    """
    rounds, turns, count = (1, 2, 200) if effort.quick else (_ROUNDS, _TURNS, _WRITES)
    took: dict[str, list[tuple[float, float]]] = {"file": [], "store": []}
    with _fleet() as (folder, url):
        for number in range(rounds):
            names = ("file", "store") if number % 2 else ("store", "file")
            with _nodes(folder / str(number), url, (*names, "other")) as nodes:
                _take_turns(nodes, turns, count, took)
    (file, file_cpu), (store, store_cpu) = (
        zip(*took[name], strict=True) for name in ("file", "store")
    )
    return Times(file, file_cpu, store, store_cpu)


def _take_turns(
    nodes: "Mapping[str, _Node]",
    turns: int,
    count: int,
    took: Mapping[str, list[tuple[float, float]]],
) -> None:
    for turn in range(turns + 1):
        nodes["other"].take(_OF_OTHER)
        order = ("file", "store") if turn % 2 else ("store", "file")
        for name in order:
            each = nodes[name].take(count)
            if turn:  # the first warms up
                took[name].append(each)


@attrs.frozen
class _Node:
    process: "subprocess.Popen[str]"

    def take(self, count: int) -> tuple[float, float]:
        """Take so many events; the seconds by the clock and of the processor."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        seconds, cpu_seconds = json.loads(self.process.stdout.readline())
        return seconds, cpu_seconds


@contextmanager
def _fleet() -> Iterator[tuple[Path, str]]:
    """A folder, and a database with a store."""
    try:
        importlib.import_module("psycopg")
    except ImportError as error:
        raise NotMeasured(f"it needs {error.name}") from error
    from orly_policy_plugin.state.postgres.init import init_store

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            server = database(str(folder / "database"))
        except ImportError as error:
            raise NotMeasured(f"it needs {error.name}") from error
        stack.callback(server.cleanup)
        url = url_of(server)
        init_store(Address.parse(url, _FLEET))
        yield folder, url


@contextmanager
def _nodes(folder: Path, url: str, names: Sequence[str]) -> Iterator[dict[str, _Node]]:
    nodes = {}
    with ExitStack() as stack:
        for name in names:
            settings = {} if name == "file" else {"store": url, "fleet": _FLEET}
            path = folder / name / "policy.json"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(_POLICY))
            nodes[name] = stack.enter_context(_node({"path": str(path), **settings}))
        yield nodes


@contextmanager
def _node(settings: dict[str, str]) -> Iterator[_Node]:
    command = [sys.executable, "-m", "benchmarks.store_write_child", json.dumps(settings)]
    with subprocess.Popen(  # noqa: S603 -- this Python, a module of ours
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0"},  # or they differ by a hundredth, store or not
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield _Node(process)
        finally:
            process.kill()
