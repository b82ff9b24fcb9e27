"""The example relay as a process of its own."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from forks import Fork

ROOT = Path(__file__).parents[2]
SECONDS = 60
"""How long a start, a stop or a line of output may take."""


class Relay:
    """A running example relay. Its output goes into files of its folder."""

    def __init__(
        self,
        folder: Path,
        policy: Any,
        storage: str = "sqlite",
        *,
        module: str = "example_relay",
        command: Sequence[str] | None = None,
        options: Sequence[str] = (),
        environment: dict[str, str] | None = None,
    ) -> None:
        """Nothing is started yet.

        :param policy: written into the folder as ``policy.json``, where it is no path; ``None``
            for none to be named.
        :param command: what is run instead of ``python -m`` and the module.
        """
        self.folder = folder
        self.storage = storage
        self.data = folder / "data"
        self._names_policy = policy is not None
        if policy is None:
            self.policy = self.data / "policy.json"
        elif isinstance(policy, Path):
            self.policy = policy
        else:
            self.policy = folder / "policy.json"
            self.save_policy(policy)
        self._module = module
        self._command = command
        self._options = options
        self._environment = environment or {}
        self._process: subprocess.Popen[bytes] | Fork | None = None

    def __enter__(self) -> Self:
        self.launch()
        try:
            self.wait_until_it_serves()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def wait_until_it_serves(self) -> None:
        """Wait for a process that has been launched, and note its address."""
        self.wait_for(lambda: "Ctrl-C stops" in self.stdout)
        found = re.search(r"ws://\S+", self.stdout)
        assert found
        self.url = found[0]
        self.http = self.url.replace("ws://", "http://")
        self.wait_for(self._listens)

    def launch(self, *options: str, **popen: Any) -> None:
        """Start the process: a fork, where it runs a module."""
        arguments = [*self._arguments(), *options]
        environment = {**os.environ, "PYTHONWARNINGS": "ignore", **self._environment}
        if self._command is None:
            self._process = Fork(
                self._module,
                arguments,
                cwd=ROOT,
                env=environment,
                stdout=self._file("stdout"),
                stderr=self._file("stderr"),
                start_new_session=True,
                **popen,
            )
            return
        with self._file("stdout").open("ab") as out, self._file("stderr").open("ab") as err:
            self._process = subprocess.Popen(
                [*self._command, *arguments],
                cwd=ROOT,
                stdout=out,
                stderr=err,
                env=environment,
                start_new_session=True,
                **popen,
            )

    def _arguments(self) -> list[str]:
        named = ["--policy", str(self.policy)] if self._names_policy else []
        return [
            "--port",
            "0",
            "--data",
            str(self.data),
            "--storage",
            self.storage,
            *named,
            *self._options,
        ]

    def wait(self) -> int:
        """Wait for the process's end and return its exit code."""
        assert self._process
        return self._process.wait(SECONDS)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask the process to stop and return its exit code."""
        assert self._process
        self._process.send_signal(how)
        return self.wait()

    def kill(self) -> None:
        """End the process, whatever state it is in, and its workers, which would go on."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):  # it has none yet, or none any more
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            self._process.wait(SECONDS)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def memory_bytes(self) -> int:
        """The resident memory that is the process's own: without the database's mapped pages."""
        assert self._process
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"RssAnon:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024

    @property
    def cpu_seconds(self) -> float:
        """The processor's time that it has taken: another process makes that no longer."""
        assert self._process
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def stdout(self) -> str:
        """All that it has printed."""
        return self._file("stdout").read_text()

    @property
    def stderr(self) -> str:
        """All that it has logged."""
        return self._file("stderr").read_text()

    def forget_output(self) -> None:
        """Before another start."""
        self._file("stdout").unlink()
        self._file("stderr").unlink()

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.txt"

    def save_policy(self, policy: Any) -> None:
        """Put another policy into the file, as an editor does: write and rename."""
        text = policy if isinstance(policy, str) else json.dumps(policy)
        beside = self.policy.with_suffix(".new")
        beside.write_text(text)
        beside.replace(self.policy)

    def wait_for(self, condition: Callable[[], object], seconds: float = SECONDS) -> None:
        """Wait for something about the process."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline or not self.alive:
                raise AssertionError(f"not in {seconds} s; it said:\n{self.stdout}{self.stderr}")
            time.sleep(0.01)

    def _listens(self) -> bool:
        try:
            urllib.request.urlopen(self.http, timeout=SECONDS).close()
        except urllib.error.URLError:
            return False
        return True


class MemoryRelay(Relay):
    """The relay that forgets, likewise: any host behind the same session."""

    def __init__(
        self,
        folder: Path,
        policy: Any,
        *,
        module: str = "example_relay.forgetting",
        environment: dict[str, str] | None = None,
    ) -> None:
        super().__init__(folder, policy, "memory", module=module, environment=environment)

    def _arguments(self) -> list[str]:
        return ["--port", "0", "--policy", str(self.policy)]

    def _listens(self) -> bool:
        return True  # it says so once it does


class MonstrRelay(Relay):
    """The relay on monstr, on SQLite."""

    def __init__(
        self, folder: Path, policy: Any, *, environment: dict[str, str] | None = None
    ) -> None:
        module = "example_relay.monstr_relay"
        super().__init__(folder, policy, "monstr", module=module, environment=environment)

    def _arguments(self) -> list[str]:
        database = str(self.folder / "monstr.sqlite3")
        return ["--port", "0", "--policy", str(self.policy), "--database", database]
