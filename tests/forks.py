"""``python -m`` at the price of a fork: what the modules import is imported once.

To import nostr-relay takes a process longer than most tests take for all else. Whatever is said of
a process holds for these: a pid, signals, an exit status, its own output and environment.
"""

import contextlib
import io
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

IMPORTED = (
    "aiosqlite",
    "example_relay.forgetting",
    "example_relay.__main__",
    "nostr_relay.storage.db",
    "nostr_relay.storage.kv",
    "nostr_relay.web",
    "orly_policy_plugin.hosts.nostr_relay.lmdb",
    "orly_policy_plugin.hosts.nostr_relay.sql",
    "orly_policy_plugin.hosts.nostr_relay.storage",
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
        start_new_session: bool = False,
    ) -> None:
        """Start it.

        :param stdout: a file that is appended to, like ``stderr``.
        """
        for path in (stdout, stderr):
            path.touch()
        self._process: ForkServerProcess = _server.Process(
            target=_run,
            args=(module, arguments, cwd, dict(env), stdout, stderr, start_new_session),
            daemon=True,
        )
        self._process.start()
        assert self._process.pid
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """The exit status, once there is one."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """The exit status.

        :param timeout: seconds.
        """
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


def _run(
    module: str,
    arguments: Sequence[str],
    cwd: Path,
    env: dict[str, str],
    stdout: Path,
    stderr: Path,
    start_new_session: bool,
) -> None:
    """Be that process."""
    if start_new_session:
        os.setsid()
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
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(cwd))
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)
