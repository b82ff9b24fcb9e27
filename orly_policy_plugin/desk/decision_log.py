"""The decision log: a line of JSON for each decision, written on a thread of its own.

A file that was moved away, as logrotate does, is begun anew. Several workers may write into one
file: what one writes at a time, it appends in one step.
"""

import json
import os
import threading
import time
from pathlib import Path
from typing import Final

from orly_policy_hookspecs.logs import get_log

from ..errors import PolicyError
from .entries import Decided, dropped_entry, entry_of
from .erasing import erase
from .following import Following
from .settings import DeskSettings

log = get_log(__name__)

THREAD_NAME: Final = "orly-policy-decision-log"
_PACE_SECONDS: Final = 0.2
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK


class DecisionLog:
    """Writes down the decisions that it is told. Where the disk or the rate does not keep up,
    decisions are dropped, and an entry says how many.
    """

    def __init__(self, path: Path, settings: DeskSettings) -> None:
        self._path = path
        self._logs_all = settings.log_decisions == "all"
        self._erases = settings.log_erases
        self._most_a_second = settings.log_most_a_second
        self._following = Following(most=settings.log_most_a_second)
        self._second, self._in_second = 0, 0
        self._file: int | None = None
        self._is_broken = False
        self._is_cut = False
        self._unwritten = 0
        self.dropped = 0
        """Decisions that were dropped, since the start."""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def wants(self, *, accepted: bool) -> bool:
        """Whether such a decision belongs into the log."""
        return self._logs_all or not accepted

    def tell(self, decided: Decided) -> None:
        """Write down a decision, soon. Never waits for the disk."""
        second = int(decided.at)
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second += 1
        if self._in_second > self._most_a_second:
            self._following.drop()
        else:
            self._following.tell(decided)

    def start(self) -> None:
        """Write from now on.

        :raises PolicyError: the file cannot be written.
        """
        try:
            self._reopen()
        except OSError as error:
            raise PolicyError(f"the decision log {self._path}: {error.strerror}") from error
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, and stop."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            thread.join()
        self._close()

    def _run(self) -> None:
        while not self._stopping.wait(_PACE_SECONDS):
            self._write_waiting()
        self._write_waiting()

    def _write_waiting(self) -> None:
        decided, dropped = self._following.take()
        self.dropped += dropped
        self._unwritten += dropped
        if not (decided or self._unwritten):
            return
        try:
            entries = [erase(entry_of(each), self._erases) for each in decided]
            if self._unwritten:
                entries.append(dropped_entry(time.time(), self._unwritten))
            self._append("".join(f"{json.dumps(entry)}\n" for entry in entries).encode())
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is told, and the next tried
            self._unwritten += len(decided)
            self.dropped += len(decided)
            self._tell_broken(error)
        else:
            self._unwritten = 0
            self._tell_well()

    def _append(self, lines: bytes) -> None:
        if self._file is None or self._was_moved(self._file):
            self._reopen()
        assert self._file is not None
        whole = b"\n" + lines if self._is_cut else lines
        written = os.write(self._file, whole)
        self._is_cut = written < len(whole)
        if self._is_cut:
            raise OSError(f"{written} of {len(whole)} bytes written: the disk is full")

    def _was_moved(self, file: int) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return True
        return not os.path.samestat(os.fstat(file), there)

    def _reopen(self) -> None:
        self._close()
        self._file = os.open(self._path, _FLAGS, 0o600)
        self._is_cut = False

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _tell_broken(self, error: Exception) -> None:
        if not self._is_broken:
            log.error("the decision log %s cannot be written: %s", self._path, error)
        self._is_broken = True

    def _tell_well(self) -> None:
        if self._is_broken:
            log.warning("the decision log %s can be written again", self._path)
        self._is_broken = False
