"""Processes that keep one policy together, and can be killed at any moment.

Run as a script, this imports once and forks a child for each line that it is given. As a module it
is the tests' side: :class:`Children`.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))

from examples import NOBODY, NOW, AnEvent  # noqa: E402

from live.making import (  # noqa: E402
    admin,
    follows,
    owner,
    policy,
    read_json,
    signed,
    withdrawing,
)
from orly_policy_hookspecs import Decision  # noqa: E402
from orly_policy_plugin.plugin import PolicyPlugin  # noqa: E402

FIELDS = ("id", "pubkey", "created_at", "kind", "tags", "content", "sig")


def as_json(event: AnEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in FIELDS}


def numbered(n: int) -> dict[str, Any]:
    """The owner's policy of one moment."""
    return policy(rules={"1": {"size_limit": 1000 + n}}, _room="x" * (n % 3 * 20_000))


def raised(document: dict[str, Any], n: int) -> dict[str, Any]:
    """The same as an admin may send it."""
    document["rules"]["1"]["size_limit"] += 1000 + n
    return document


class Child:
    """One process's plugin, and what it has been told and has answered."""

    def __init__(
        self, folder: Path, log: Path, clock: Callable[[], float], **settings: Any
    ) -> None:
        self.file = folder / "policy.json"
        self.plugin = PolicyPlugin.load(self.file, clock=clock, **settings)
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(self, what: str, event: AnEvent, answer: str = "") -> None:
        line = json.dumps({"what": what, "event": as_json(event), "answer": answer})
        os.write(self.log, line.encode() + b"\n")

    def give(self, event: AnEvent) -> Decision:
        """Have an event applied, and write down before and after what happens."""
        self.say("tried", event)
        if event.kind == 3:
            asyncio.run(self.plugin.on_kind3(event, NOBODY))
            answer = Decision.accept()
        else:
            policy_event = self.plugin.on_policy_event(event, NOBODY)
            answer = asyncio.run(policy_event) or Decision.reject("it is no policy event")
        self.say("accepted" if answer.accepted else "refused", event, answer.message)
        return answer


def change_on(folder: Path, log: Path, first: int) -> None:
    """One event after another, a second apart on a clock of its own, until it is killed."""
    now = first
    child = Child(folder, log, lambda: NOW + now)
    left = [made.event_id for made in child.plugin.snapshot.contributions]
    if left:
        child.give(withdrawing(admin, *left, created_at=NOW + now))
    while True:
        now += 1
        child.give(signed(owner, numbered(now), NOW + now))
        now += 1
        contribution = signed(admin, {"kind_blacklist_add": [1000 + now % 1000]}, NOW + now)
        child.give(contribution)
        child.give(follows(admin, f"{now:064x}", created_at=NOW + now))
        now += 1
        current = read_json(child.file)
        child.give(signed(admin, raised(current, now), NOW + now))
        child.give(withdrawing(admin, contribution, created_at=NOW + now))


def change_at_once(folder: Path, log: Path, number: int) -> None:
    """Ten updates of the owner, racing with those of other processes, and watching."""
    child = Child(folder, log, lambda: NOW + 1000)
    child.plugin.start()
    (folder / f"ready-{number}").write_text("")
    while not (folder / "go").exists():
        time.sleep(0.001)
    for n in range(10):
        child.give(signed(owner, numbered(10 * number + n), NOW + n))
    (folder / f"done-{number}").write_text("")
    while not (folder / "over").exists():
        time.sleep(0.01)
    (folder / f"version-{number}").write_text(child.plugin.snapshot.version)


def obey(folder: Path, log: Path, number: int) -> None:
    """Watch, and tell the version in force whenever it is another."""
    plugin = PolicyPlugin.load(folder / "policy.json", clock=lambda: NOW)
    plugin.start()
    told = None
    while not (folder / "over").exists():
        if told != (told := plugin.snapshot.version):
            temporary = folder / f"version-{number}.tmp"
            temporary.write_text(told)
            temporary.replace(folder / f"version-{number}")
        time.sleep(0.01)


Task = Callable[[Path, Path, int], None]
"""What a child does: in its folder, with its log and a number."""


def serve(*tasks: Task) -> None:
    """Fork a child for each line."""
    named = {task.__name__: task for task in tasks}
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for line in sys.stdin:
        name, folder, log, number = json.loads(line)
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                named[name](Path(folder), Path(log), number)
            except BaseException:  # noqa: BLE001
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(pid, flush=True)  # noqa: T201


class Children:
    """The tests' side."""

    def __init__(self, script: str = __file__) -> None:
        """:param script: calls :func:`serve` with what they can be told to do."""
        self._process = subprocess.Popen(
            [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._pids: list[int] = []

    def start(self, task: Task, folder: Path, log: Path, number: int) -> int:
        assert self._process.stdin
        assert self._process.stdout
        print(
            json.dumps([task.__name__, str(folder), str(log), number]),
            file=self._process.stdin,
            flush=True,
        )
        pid = int(self._process.stdout.readline())
        self._pids.append(pid)
        return pid

    def kill(self, pid: int) -> None:
        """With no chance to clean up; it is dead on return."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        while is_alive(pid):
            time.sleep(0.001)
        self._pids.remove(pid)

    def close(self) -> None:
        for pid in tuple(self._pids):
            self.kill(pid)
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    serve(change_on, change_at_once, obey)
