"""Child processes that write state, and can be killed at any moment.

Run as a script, this imports once and forks a child for each task, so that a hundred of them cost
little. As a module it is the tests' side: :class:`Nursery`.
"""

import contextlib
import functools
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orly_policy_plugin.atomic import write_atomically
from orly_policy_plugin.authority.freshness import Freshness, Mark
from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.policy import policy_version, structure_policy
from orly_policy_plugin.state import Entry
from orly_policy_plugin.state.files import FileStore
from orly_policy_plugin.state.files.folders import StateFolders
from orly_policy_plugin.state.files.freshness_file import FreshnessFile
from orly_policy_plugin.state.files.history_files import History
from orly_policy_plugin.state.files.locks import exclusive
from orly_policy_plugin.state.files.signed_events import mark_withdrawn, write_event
from orly_policy_plugin.state.policy_mark import mark_of, with_mark
from orly_policy_plugin.state.store import PolicyReplaced, Withdrawn

OWNER = "ab" * 32
ADMIN = "cd" * 32
UNPRIVILEGED = 65534
START = 1_700_000_000

STEPS = ("open", "mkdir", "write", "fchown", "fchmod", "fsync", "replace", "unlink", "close")
"""What a write does to the disk: a child can be killed before or after each."""


def some_id(n: object) -> str:
    """64 hex digits, the same each time."""
    return hashlib.sha256(repr(n).encode()).hexdigest()


def mark(n: int) -> Mark:
    """The mark of the nth policy event."""
    return Mark(START + n, some_id(n))


@functools.cache
def policy(n: int) -> Entry:
    """The nth policy. Some are small and some are large."""
    value: dict[str, Any] = {"_n": n, "_room": "x" * (n % 3 * 40_000), "owners": [OWNER]}
    value["kind"] = {"blacklist": [n % 1000 + 100]}
    content = with_mark(value, mark(n), OWNER)
    version = policy_version(structure_policy(value))
    return Entry(
        version=version,
        recorded_at=START + n,
        how="event",
        author=OWNER,
        event_id=some_id(n),
        content=content,
    )


def contribution(n: int) -> dict[str, Any]:
    """The nth contribution, an event in shape."""
    return {
        "id": some_id(n),
        "pubkey": ADMIN,
        "created_at": START + n,
        "kind": 12345,
        "tags": [],
        "content": "y" * (n % 3 * 40_000),
        "sig": "0" * 128,
    }


def number_in(folder: Path) -> int:
    """The number of the policy that stands; it must be there whole."""
    content = (folder / "policy.json").read_bytes()
    n: int = json.loads(content)["_n"]
    assert content == policy(n).content
    return n


def acknowledge(folder: Path, n: int) -> None:
    """Say, as an answer to a client would, that the nth is applied."""
    descriptor = os.open(folder / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    _os_write(descriptor, f"{n}\n".encode())
    _os_close(descriptor)


def acknowledged(folder: Path) -> list[int]:
    """All that was acknowledged."""
    with contextlib.suppress(FileNotFoundError):
        return [int(line) for line in (folder / "acknowledged").read_text().split()]
    return []


def apply_next(folder: Path) -> None:
    """Replace the policy by the next one, as the engine does."""
    with FileStore(folder / "policy.json").exclusive() as step:
        n = number_in(folder)
        marks = Freshness(owner=mark(n + 1))
        change = PolicyReplaced(entry=policy(n + 1), freshness=marks, before=policy(n))
        assert step.apply(change) == ()
        acknowledge(folder, n + 1)


def apply_for_ever(folder: Path) -> None:
    """Replace the policy again and again."""
    while True:
        apply_next(folder)


def contribute_and_withdraw(folder: Path) -> None:
    """The next contribution comes, the one before it is withdrawn."""
    folders = StateFolders(folder / "policy.json")
    with exclusive(folders.lock_file) as held:
        n = max(acknowledged(folder), default=0) + 1
        write_event(folders.contributions, some_id(n), contribution(n))
        FreshnessFile(folders.history).raise_to(Freshness(admins={ADMIN: mark(n)}), held)
        if n > 1:
            withdrawal = Withdrawn(ADMIN, START + n - 1, some_id(n))
            mark_withdrawn(folders.contributions, some_id(n - 1), withdrawal)
        acknowledge(folder, n)


def contribute_for_ever(folder: Path) -> None:
    """Contribute and withdraw again and again."""
    while True:
        contribute_and_withdraw(folder)


def record_many(folder: Path) -> None:
    """Record versions and raise marks that no other process does."""
    folders = StateFolders(folder / "policy.json")
    for i in range(20):
        name = f"{os.getpid()}-{i}"
        entry = Entry(
            version=some_id(name)[:12], recorded_at=START, how="start", content=name.encode()
        )
        with exclusive(folders.lock_file) as held:
            assert History(folders.history, folders.policy_file).record(entry, held)
            marks = Freshness(admins={some_id(name): Mark(START + i)})
            FreshnessFile(folders.history).raise_to(marks, held)
            with (folder / "recorded").open("a") as file:
                file.write(f"{name}\n")


def write_without_lock(folder: Path) -> None:
    """Write one file again and again, cleaning up after others all the while."""
    for i in range(100):
        write_atomically(folder / "shared.json", json.dumps([os.getpid(), i]).encode() * 500)


def hold_the_lock(folder: Path) -> None:
    """Hold the lock until killed."""
    with exclusive(StateFolders(folder / "policy.json").lock_file):
        (folder / "held").touch()
        time.sleep(60)


def write_something(folder: Path) -> None:
    """Replace the policy file, and say what came of it."""
    report(folder, lambda: write_atomically(folder / "policy.json", b"new" * 10_000))


def take_the_lock(folder: Path) -> None:
    """Take the lock, and say what came of it."""

    def take() -> None:
        with exclusive(StateFolders(folder / "policy.json").lock_file):
            pass

    report(folder, take)


def report(folder: Path, do: Callable[[], None]) -> None:
    """Do it, and leave what came of it in the file ``report``, which is there already."""
    try:
        do()
        said = "done"
    except PolicyError as error:
        said = f"{type(error).__name__}: {error}"
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    (folder / "report").write_text(said)


def check_state(folder: Path) -> None:
    """What must hold after any crash of :func:`apply_next`."""
    folders = StateFolders(folder / "policy.json")
    n = number_in(folder)
    done = acknowledged(folder)
    assert n in (len(done), len(done) + 1)
    assert done == sorted(set(done))
    marked = mark_of(folders.policy_file.read_bytes())
    fresh = FreshnessFile(folders.history).load().raised(Freshness(owner=marked))
    assert fresh.owner == mark(n)
    problems: list[Any] = []
    entries = History(folders.history, folders.policy_file).entries(problems)
    kept = [entry.recorded_at - START for entry in entries]
    assert problems == []
    assert kept in (list(range(n, -1, -1)), list(range(n - 1, -1, -1)))


# -- the script ------------------------------------------------------------------------------

_os_write, _os_close = os.write, os.close


def _die_at(step: int, *, after: bool) -> None:
    """Kill this process before or after the nth thing that it does to the disk."""
    left = step

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0 and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            dying = left == 0
            try:
                if dying and function is _os_write:
                    args = args[0], bytes(args[1])[: len(args[1]) // 2]
                return function(*args, **kwargs)
            finally:
                if dying:
                    os.kill(os.getpid(), signal.SIGKILL)

        return call

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))


def _child(task: dict[str, Any]) -> None:
    if step := task["step"]:
        _die_at(step, after=task["after"])
    if task["file_size"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (task["file_size"], resource.RLIM_INFINITY))
    if task["unprivileged"] and os.geteuid() == 0:
        os.setgroups([])
        os.setgid(UNPRIVILEGED)
        os.setuid(UNPRIVILEGED)
    globals()[task["do"]](Path(task["folder"]))


def _fork(task: dict[str, Any]) -> int:
    if pid := os.fork():
        return pid
    status = 1
    try:
        _child(task)
        status = 0
    finally:
        if status:
            traceback.print_exc()
        os._exit(status)


def _serve() -> None:
    for line in sys.stdin:
        task = json.loads(line)
        children = [_fork(task) for _ in range(task["processes"])]
        if task["kill_after"] is not None:
            time.sleep(task["kill_after"])
            for child in children:
                os.kill(child, signal.SIGKILL)
        ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        sys.stdout.write(json.dumps(ended) + "\n")
        sys.stdout.flush()


# -- the tests' side -------------------------------------------------------------------------


class Nursery:
    """Runs tasks, the functions above, in child processes."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(
        self,
        do: Callable[[Path], None],
        folder: Path,
        *,
        processes: int = 1,
        kill_after: float | None = None,
        step: int | None = None,
        after: bool = False,
        file_size: int | None = None,
        unprivileged: bool = False,
    ) -> list[int]:
        """Run a task to its end, and give the exit codes.

        :param kill_after: seconds.
        :param step: kill it at this thing that it does to the disk, before or (``after``) after
            it; a write is cut in half.
        :param file_size: the most bytes that a file may have.
        :param unprivileged: not as root.
        """
        task = {key: value for key, value in locals().items() if key not in ("self", "do")}
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(
            json.dumps({**task, "do": do.__name__, "folder": str(folder)}) + "\n"
        )
        self._process.stdin.flush()
        ended: list[int] = json.loads(self._process.stdout.readline())
        return ended

    def close(self) -> None:
        """End it."""
        with self._process:
            assert self._process.stdin
            self._process.stdin.close()


if __name__ == "__main__":
    _serve()
