"""``python -m`` at the price of a fork: what the modules import is imported once.

To import nostr-relay takes a process longer than most tests take for all else. Whatever is said of
a process holds for these: a pid, signals, an exit status, its own output and environment.
"""

import contextlib
import ctypes
import io
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from orly_policy_plugin.cli.command import COMMANDS

IMPORTED = (
    "aiosqlite",
    "click.testing",
    *(f"orly_policy_plugin.cli.{name.replace('-', '_')}" for name in COMMANDS),
    "example_relay.forgetting",
    "example_relay.monstr_relay",
    "example_relay.__main__",
    "nostr_relay.storage.db",
    "nostr_relay.storage.kv",
    "nostr_relay.web",
    "orly_policy_plugin.hosts.nostr_relay.lmdb",
    "orly_policy_plugin.hosts.nostr_relay.sql",
    "orly_policy_plugin.hosts.nostr_relay.storage",
    "orly_policy_plugin.hosts.upstream.app",
    "orly_policy_plugin.hosts.upstream.running",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
)
_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(list(IMPORTED))


class Fork:
    """A process like :class:`subprocess.Popen`'s."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdout: Path,
        stderr: Path,
        stdin: Path | None = None,
        start_new_session: bool = False,
        preexec_fn: Callable[[], None] | None = None,
    ) -> None:
        """Start it.

        :param stdout: a file that is appended to, like ``stderr``.
        :param preexec_fn: a function of a module that the process can import.
        """
        for path in (stdout, stderr):
            path.touch()
        self._process: ForkServerProcess = _server.Process(
            target=_run,
            args=(module, arguments, cwd, dict(env), stdout, stderr),
            kwargs={
                "stdin": stdin,
                "start_new_session": start_new_session,
                "preexec_fn": preexec_fn,
            },
            daemon=True,
        )
        self._process.start()
        assert self._process.pid
        self.pid = self._process.pid
        self._status: int | None = None

    def poll(self) -> int | None:
        """The exit status, once there is one."""
        if self._status is None and (status := self._process.exitcode) is not None:
            self._status = status
            self._process.close()
        return self._status

    def wait(self, timeout: float) -> int:
        """The exit status.

        :param timeout: seconds.
        """
        if self._status is None:
            self._process.join(timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and nobody has told yet
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def completed(
    module: str,
    arguments: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: str = "",
    timeout: float,
) -> "subprocess.CompletedProcess[str]":
    """What a process that is given all its input has come to, like :func:`subprocess.run`.

    :param timeout: seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, stdout, stderr = (Path(folder) / name for name in ("stdin", "stdout", "stderr"))
        given.write_text(stdin, encoding="utf-8")
        process = Fork(
            module, arguments, cwd=cwd, env=env, stdout=stdout, stderr=stderr, stdin=given
        )
        status = process.wait(timeout)
        said = (path.read_bytes().decode() for path in (stdout, stderr))
        return subprocess.CompletedProcess([module, *arguments], status, *said)


def _run(
    module: str,
    arguments: Sequence[str],
    cwd: Path,
    env: dict[str, str],
    stdout: Path,
    stderr: Path,
    *,
    stdin: Path | None,
    start_new_session: bool,
    preexec_fn: Callable[[], None] | None,
) -> None:
    """Be that process."""
    if preexec_fn is not None:
        preexec_fn()
    if start_new_session:
        os.setsid()
    opened = os.open(stdin or os.devnull, os.O_RDONLY)
    if opened:
        os.dup2(opened, 0)
        os.close(opened)
    sys.stdin = io.TextIOWrapper(os.fdopen(0, "rb"))
    for path, descriptor in ((stdout, 1), (stderr, 2)):
        opened = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb"), write_through=True)
    sys.stderr = io.TextIOWrapper(
        os.fdopen(2, "wb", 0), errors="backslashreplace", write_through=True
    )
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    multiprocessing.set_start_method(None, force=True)
    multiprocessing.current_process().daemon = False  # it may have children of its own
    _be_the_first()
    warnings.simplefilter("ignore")
    sys.path[:0] = [str(cwd), *filter(None, env.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _be_the_first() -> None:
    """Forget what nostr-relay's processes tell each other by memory that they share: it is shared
    by all forks of what was imported once, and one of them would collect garbage for all.
    """
    if (web := sys.modules.get("nostr_relay.web")) is not None:
        vars(web)["is_main_process"] = multiprocessing.Event()


_OVERRIDE = ("CAP_DAC_OVERRIDE", 1), ("CAP_DAC_READ_SEARCH", 2)
_CAPABILITY_VERSION_3 = 0x20080522


def without_override() -> None:
    """Let file modes hold for root, too. Runs in the child; see capset(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    this_thread = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    effective_first = (ctypes.c_uint32 * 6)()
    for call in (libc.capget, libc.capset):
        if call(this_thread, effective_first):
            raise OSError(ctypes.get_errno(), f"{call.__name__} failed")
        for _, number in _OVERRIDE:
            effective_first[0] &= ~(1 << number)
