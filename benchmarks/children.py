"""Processes that are told what to do by lines, and tell what happens as lines of JSON."""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import attrs

from . import ROOT

_SECONDS: Final = 120.0
"""That a line may take."""


@attrs.define(eq=False)
class Child:
    """One of them."""

    process: "subprocess.Popen[str]"
    said: "queue.Queue[dict[str, Any]]" = attrs.Factory(queue.Queue)

    def listen(self) -> None:
        """Take what it says, to its end."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.put(json.loads(line))

    def ask(self, command: str) -> None:
        """Give it a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def heard(self, fact: str, count: int) -> list[dict[str, Any]]:
        """The next so many lines that have this fact.

        :raises queue.Empty: they do not come.
        """
        found: list[dict[str, Any]] = []
        while len(found) < count:
            line = self.said.get(timeout=_SECONDS)
            if fact in line:
                found.append(line)
        return found


@contextmanager
def started(module: str, *arguments: str) -> Iterator[Child]:
    """A process that runs a module, until the end of the block."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(  # noqa: S603 -- this Python, a module of ours
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        child = Child(process)
        threading.Thread(target=child.listen, daemon=True).start()
        try:
            yield child
        finally:
            process.kill()
