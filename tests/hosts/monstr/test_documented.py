"""The program of docs/monstr.md, pasted and started as its reader would."""

import asyncio
import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from relay.client import SECONDS, asynchronous, connected
from relay.documented import listens
from relay.process import ROOT, MonstrRelay
from relay.signing import Key

PROGRAM = re.findall(
    r"```python\n(# relay.py\n.*?)```", (ROOT / "docs/monstr.md").read_text(), re.DOTALL
)


@asynchronous
@pytest.mark.heavy
async def test_the_program_of_the_page(tmp_path: Path) -> None:
    """It serves what the policy allows, keeps it, and ends when it is told to."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    (source,) = PROGRAM
    (tmp_path / "relay.py").write_text(source.replace("8080", str(port)))
    (tmp_path / "policy.json").write_text(json.dumps({"rules": {"1": {"content_limit": 5}}}))
    note = Key().event(1, "short")
    for how in (signal.SIGINT, signal.SIGTERM):
        with (tmp_path / "log.txt").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "relay.py", cwd=tmp_path, stdout=log, stderr=log
            )
        try:
            async with asyncio.timeout(SECONDS):
                while not listens(port):
                    assert process.returncode is None, (tmp_path / "log.txt").read_text()
                    await asyncio.sleep(0.05)
            async with connected(f"ws://127.0.0.1:{port}") as client:
                assert (await client.publish(note))[0]
                accepted, message = await client.publish(Key().event(1, "too long"))
                assert (accepted, message[:8]) == (False, "blocked:")
                assert await client.stored({}) == [note]
                process.send_signal(how)
                await client.until_gone()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            async with asyncio.timeout(SECONDS):
                await process.wait()


@pytest.mark.heavy
def test_another_store_is_told_of_in_one_line(tmp_path: Path) -> None:
    """The example does not start on what is no database of monstr's."""
    (tmp_path / "policy.json").write_text("{}")
    (tmp_path / "other.sqlite3").write_bytes(b"")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "example_relay.monstr_relay", "--port", "0"),
            *("--policy", str(tmp_path / "policy.json")),
            *("--database", str(tmp_path / "other.sqlite3")),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS * 3,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the relay does not start: ")
    assert "the table events has no " in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@asynchronous
async def test_the_example_ends_when_it_is_told_to(tmp_path: Path, how: signal.Signals) -> None:
    """With its clients told, its script ended, and its database closed."""
    script = tmp_path / "script.sh"
    script.write_text("#!/bin/sh\necho started >&2\nwhile read line; do :; done\necho ended >&2\n")
    script.chmod(0o700)
    with MonstrRelay(tmp_path, {"rules": {"1": {"script": str(script)}}}) as relay:
        async with connected(relay.url) as client:
            assert await client.publish(Key().event(7)) == (True, "")
            assert await asyncio.to_thread(relay.stop, how) == 0
            await client.until_gone()
        assert "started" in relay.stderr
        assert "ended" in relay.stderr
    assert not (tmp_path / "monstr.sqlite3-wal").exists()
