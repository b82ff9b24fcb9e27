"""Scripts that are written for one test, asked, and looked for afterwards."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from examples import NOBODY, NOW, AnEvent

from orly_policy_hookspecs import Context
from orly_policy_plugin.decisions.replies import Action, Reply
from orly_policy_plugin.policy.fields import Access
from orly_policy_plugin.scripts import Scripts

LONG_SECONDS = 20.0
"""How long anything may take that nobody measures."""

UNANSWERED = (Action.FAILED, Action.OVERLOADED)

PREAMBLE = f"""\
#!{sys.executable} -IS
import json, os, signal, sys, time

def answer(event, action="reject", **fields):
    said = [event["id"], event["access_type"], event.get("logged_in_pubkey")]
    fields = {{"id": event["id"], "action": action, "msg": json.dumps(said), **fields}}
    print(json.dumps(fields), flush=True)

def events():
    for line in sys.stdin:
        yield json.loads(line)

with open("started", "a") as started:
    print(os.getpid(), file=started)
"""
"""Of each script: its answer says what it was asked."""


@attrs.frozen
class Told:
    """A reply, and how long it took."""

    reply: Reply
    seconds: float


def until(condition: Callable[[], object], within_seconds: float = LONG_SECONDS) -> None:
    """Wait for a condition that nobody tells of."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_seconds} s"
        time.sleep(0.005)


def in_time(*calls: Callable[[], None]) -> None:
    """Do these at once, on a thread each; fails where one does not come back."""
    running = [threading.Thread(target=call, daemon=True) for call in calls]
    for thread in running:
        thread.start()
    deadline = time.monotonic() + LONG_SECONDS
    for thread in running:
        thread.join(max(0.0, deadline - time.monotonic()))
        assert not thread.is_alive(), f"not within {LONG_SECONDS} s"


def is_alive(pid: int) -> bool:
    """Whether there is such a process; one that nobody has waited for yet is none any more."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def of_group(pid: int) -> list[int]:
    """The living processes of a process's group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[2]) == pid and fields[0] not in ("Z", "X"):
                    found.append(int(entry.name))
    return found


class Folder:
    """A policy file's folder, with scripts in it, and whoever asks them.

    And what tests need for that.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.made: list[Scripts] = []
        self.until = until
        self.in_time = in_time
        self.is_alive = is_alive
        self.of_group = of_group

    def write(self, body: str, name: str = "script.py", *, executable: bool = True) -> Path:
        """Write a script as a whole, in place of one that may be there."""
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        new = path.with_name(f"{path.name}.new")
        new.write_text(PREAMBLE + body)
        new.chmod(0o755 if executable else 0o644)
        return new.replace(path)

    def scripts(self, *used: str, timeout_seconds: float = 5.0, **others: Any) -> Scripts:
        """They are stopped after the test."""
        made = Scripts(self.path, timeout_seconds=timeout_seconds, **others)
        self.made.append(made)
        made.use(used or ("script.py",))
        return made

    @property
    def started(self) -> list[int]:
        """The processes that ran, in their order."""
        try:
            return [int(line) for line in (self.path / "started").read_text().splitlines()]
        except FileNotFoundError:
            return []

    @staticmethod
    def ask(
        scripts: Scripts,
        *events: AnEvent,
        script: str = "script.py",
        access: Access = "write",
        context: Context = NOBODY,
    ) -> list[Told]:
        """Ask about all of them at once, from an event loop of its own."""

        async def one(event: AnEvent) -> Told:
            began = time.monotonic()
            reply = await scripts.ask(script, event, access, context, NOW)
            return Told(reply, time.monotonic() - began)

        async def all_of_them() -> list[Told]:
            return await asyncio.gather(*map(one, events))

        return asyncio.run(all_of_them())

    def answers(self, scripts: Scripts, *events: AnEvent, **others: Any) -> bool:
        """Whether it answers rightly now."""
        told = self.ask(scripts, *(events or [AnEvent()]), **others)
        return not any(one.reply.action in UNANSWERED for one in told)


def open_files() -> dict[str, str]:
    """This process's descriptors."""
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found[entry.name] = str(entry.readlink())
    return found


@pytest.fixture
def told_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody who asks is told a second reply."""
    count: Counter[Any] = Counter()
    reply = Scripts._reply

    def counted(self: Scripts, loop: Any, future: Any, said: Reply) -> None:
        count[future] += 1
        reply(self, loop, future, said)

    monkeypatch.setattr(Scripts, "_reply", counted)
    yield
    assert set(count.values()) <= {1}


@pytest.fixture
def folder(tmp_path: Path, told_once: None) -> Iterator[Folder]:
    """Once the scripts are stopped, no process, thread or descriptor is left of them."""
    files, threads = open_files(), set(threading.enumerate())
    made = Folder(tmp_path)
    yield made
    try:
        in_time(*(scripts.stop for scripts in made.made))
        until(lambda: not any(map(of_group, made.started)))  # who is killed is gone a little later
        until(lambda: set(threading.enumerate()) <= threads)
        until(lambda: open_files().keys() <= files.keys())
    finally:
        for pid in made.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


@pytest.fixture
def soon_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not end by itself is not waited for as long as in service."""
    monkeypatch.setattr("orly_policy_plugin.scripts.child.GRACE_SECONDS", 0.2)


@pytest.fixture
def log_lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the log says of scripts, warnings and worse."""
    caplog.set_level(logging.INFO, "orly_policy_plugin")

    def lines() -> list[str]:
        return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]

    return lines
