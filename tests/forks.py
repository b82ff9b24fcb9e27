"""``python -m`` at the price of a fork: what the modules import is imported once.

To import nostr-relay takes a process longer than most tests take for all else. Whatever is said of
a process holds for these: a pid, signals, an exit status, its own output and environment.
"""

import contextlib
import ctypes
import io
import multiprocessing
import os
import resource
import runpy
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import reduction
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

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


Stream = Path | int | None
"""A file, or a descriptor, which stays the caller's, or None for what is closed."""
NOTHING = Path(os.devnull)
CAPTURED = Path()
"""What ``completed`` has in its result."""


class _Descriptor:
    """A descriptor on its way to a process, which gets one of its own."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> tuple[Callable[..., int], tuple[Any]]:
        return _arrived, (reduction.DupFd(self._number),)


def _arrived(descriptor: Any) -> int:
    number: int = descriptor.detach()
    return number


def _passed(stream: Stream) -> Path | _Descriptor | None:
    return _Descriptor(stream) if isinstance(stream, int) else stream


class Fork:
    """A process like :class:`subprocess.Popen`'s."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdout: Stream,
        stderr: Stream,
        stdin: Stream = NOTHING,
        start_new_session: bool = False,
        preexec_fn: Callable[[], None] | None = None,
    ) -> None:
        """Start it.

        :param stdout: what is written to a file is appended; like ``stderr``.
        :param preexec_fn: a function of a module that the process can import.
        """
        for output in (stdout, stderr):
            if isinstance(output, Path):
                output.touch()
        self._process: ForkServerProcess = _server.Process(
            target=_run,
            args=(module, arguments, cwd, dict(env)),
            kwargs={
                "streams": [_passed(stream) for stream in (stdin, stdout, stderr)],
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
    stdin: str | Path = "",
    stdout: Stream = CAPTURED,
    stderr: Stream = CAPTURED,
    timeout: float,
    preexec_fn: Callable[[], None] | None = None,
) -> "subprocess.CompletedProcess[str]":
    """What a process that is given all its input has come to, like :func:`subprocess.run`.

    :param stdin: a text, or a file.
    :param timeout: seconds.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if isinstance(stdin, str):
            (folder / "stdin").write_text(stdin, encoding="utf-8")
            stdin = folder / "stdin"
        process = Fork(
            module,
            arguments,
            cwd=cwd,
            env=env,
            stdin=stdin,
            stdout=folder / "stdout" if stdout is CAPTURED else stdout,
            stderr=folder / "stderr" if stderr is CAPTURED else stderr,
            preexec_fn=preexec_fn,
        )
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        said = (
            path.read_bytes().decode() if path.exists() else ""
            for path in (folder / "stdout", folder / "stderr")
        )
        return subprocess.CompletedProcess([module, *arguments], status, *said)


def _run(
    module: str,
    arguments: Sequence[str],
    cwd: Path,
    env: dict[str, str],
    *,
    streams: Sequence[Stream],
    start_new_session: bool,
    preexec_fn: Callable[[], None] | None,
) -> None:
    """Be that process."""
    if preexec_fn is not None:
        preexec_fn()
    if start_new_session:
        os.setsid()
    _open(streams)
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


_CLOSED: Any = None
_FLAGS = os.O_RDONLY, os.O_WRONLY | os.O_APPEND, os.O_WRONLY | os.O_APPEND


def _open(streams: Sequence[Stream]) -> None:
    """Have them as descriptors 0, 1 and 2, and as Python's, as it makes them when it starts."""
    opened = [
        os.open(stream, flags) if isinstance(stream, Path) else stream
        for stream, flags in zip(streams, _FLAGS, strict=True)
    ]
    for number, descriptor in enumerate(opened):
        if descriptor is None:
            os.close(number)
        elif descriptor != number:
            os.dup2(descriptor, number)
            os.close(descriptor)
    stdin, stdout, stderr = (descriptor is not None for descriptor in opened)
    sys.stdin = io.TextIOWrapper(os.fdopen(0, "rb")) if stdin else _CLOSED
    sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb"), write_through=True) if stdout else _CLOSED
    sys.stderr = (
        io.TextIOWrapper(os.fdopen(2, "wb", 0), errors="backslashreplace", write_through=True)
        if stderr
        else _CLOSED
    )


def _be_the_first() -> None:
    """Forget what nostr-relay's processes tell each other by memory that they share: it is shared
    by all forks of what was imported once, and one of them would collect garbage for all.
    """
    if (web := sys.modules.get("nostr_relay.web")) is not None:
        vars(web)["is_main_process"] = multiprocessing.Event()


def little_memory() -> None:
    """Let it have no more than half a gibibyte beyond what is imported. Runs in the child."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + 512 * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


_OVERRIDE, _READ_SEARCH = 1, 2
_CAPABILITY_VERSION_3 = 0x20080522


def without_override() -> None:
    """Let file modes hold for root, too. Runs in the child; see capset(2)."""
    _drop(_OVERRIDE, _READ_SEARCH)


def writing_where_it_may() -> None:
    """Let them hold where root writes; it may read all."""
    _drop(_OVERRIDE)


def _drop(*capabilities: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    this_thread = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    effective_first = (ctypes.c_uint32 * 6)()
    for call in (libc.capget, libc.capset):
        if call(this_thread, effective_first):
            raise OSError(ctypes.get_errno(), f"{call.__name__} failed")
        for number in capabilities:
            effective_first[0] &= ~(1 << number)
