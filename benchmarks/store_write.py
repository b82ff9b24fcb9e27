"""What a store costs a node's writes: a node with a policy file, and one with a fleet's store.

Both are in one process, as two processes of the same program differ by some hundredths, and take
the same events as a session takes them from a client, in turns, from the same addresses under a
rate limit. A second node of the fleet, in a process of its own, takes some as well, so that there
is something to hear.
"""

import importlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import attrs

from orly_policy_plugin.state.address import Address

from . import ROOT
from .database import database, url_of
from .timing import Effort

_ROUNDS: Final = 8
"""Each with new processes: where their memory lies makes a hundredth of difference."""
_TURNS: Final = 40
"""Of a round. They are short, so that neighbours find the machine alike."""
_WRITES: Final = 500
_OF_OTHER: Final = 100
_POLICY: Final = {"default_policy": "allow", "global": {"rate_limit": 100_000_000}}
_FLEET: Final = "relay"


class NotMeasured(Exception):
    """There is no PostgreSQL to measure with."""


@attrs.frozen
class Times:
    """The seconds of the processor that a node takes."""

    turns: tuple[float, ...]
    """For the events of each turn, in the thread that takes them."""
    background: float
    """For a second, in all other threads, whether events come or not."""


@attrs.frozen
class Compared:
    """What a round has measured."""

    file: Times
    store: Times

    @property
    def ratio(self) -> float:
        """Writes for a second of the processor with a store to those without."""
        turns = zip(self.file.turns, self.store.turns, strict=True)
        in_turns = statistics.median(without / with_store for without, with_store in turns)
        return in_turns * (1 - self.store.background) / (1 - self.file.background)


def writes(effort: Effort) -> list[Compared]:
    """Have both take the same events in turns, in some rounds.

    :raises NotMeasured: what a store needs is not installed.
    """
    rounds, turns, count = (1, 2, 200) if effort.quick else (_ROUNDS, _TURNS, _WRITES)
    with _fleet() as (folder, url):
        return [_round(folder, number, url, turns, count) for number in range(rounds)]


def _round(folder: Path, number: int, url: str, turns: int, count: int) -> Compared:
    folder /= str(number)
    of_store = {"store": url, "fleet": _FLEET}
    nodes: list[tuple[str, Mapping[str, str]]] = [("file", {}), ("store", of_store)]
    if number % 2:
        nodes.reverse()  # who is made first has the better place in memory
    with (
        _process(folder, dict(nodes)) as measured,
        _process(folder, {"other": of_store}) as other,
    ):
        measured.take(count)  # this warms up
        taken, began = [], time.monotonic()
        for _ in range(turns):
            other.take(_OF_OTHER)
            taken.append(measured.take(count))
        seconds = time.monotonic() - began
    return Compared(
        **{
            name: Times(
                turns=tuple(each[name][0] for each in taken),
                background=(taken[-1][name][1] - taken[0][name][1]) / seconds,
            )
            for name in ("file", "store")
        }
    )


@attrs.frozen
class _Process:
    process: "subprocess.Popen[str]"

    def take(self, count: int) -> dict[str, tuple[float, float]]:
        """Have each of its nodes take so many events. See ``store_write_child``."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        took: dict[str, tuple[float, float]] = json.loads(self.process.stdout.readline())
        return took


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
def _process(folder: Path, nodes: Mapping[str, Mapping[str, str]]) -> Iterator[_Process]:
    settings = {}
    for name, further in nodes.items():
        path = folder / name / "policy.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(_POLICY))
        settings[name] = {"path": str(path), **further}
    with subprocess.Popen(  # noqa: S603 -- this Python, a module of ours
        [sys.executable, "-m", "benchmarks.store_write_child", json.dumps(settings)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield _Process(process)
        finally:
            process.kill()
