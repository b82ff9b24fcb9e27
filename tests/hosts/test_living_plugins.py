"""An installed plugin that opens something when a relay starts, in every host."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from forks import completed
from relay.client import asynchronous, connected
from relay.process import MemoryRelay, MonstrRelay, Relay
from relay.signing import Key
from relay.test_plugins import install, python_path

from .upstream.processes import OPEN, Proxy

PLUGIN = '''
    """Opens a file of those who may write, and closes it. Logs every decision."""

    import asyncio
    from pathlib import Path

    from orly_policy_hookspecs import Asked, Decision, Event, StartContext, hookimpl

    HERE = Path(__file__).parent


    @hookimpl
    async def on_start(context: StartContext) -> None:
        global loop, file
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)
        file = (HERE / "members").open()
        (HERE / "urls").write_text(" ".join(context.relay_urls))


    @hookimpl
    async def on_write(event: Event) -> Decision | None:
        assert asyncio.get_running_loop() is loop
        file.seek(0)
        return None if event.pubkey in file.read() else Decision.reject("restricted: no member")


    @hookimpl
    def on_decided(access: Asked, decision: Decision) -> None:
        with (HERE / "decided").open("a") as log:
            log.write(f"{access}: {decision.verdict.value} by {decision.source or 'nobody'}\\n")


    @hookimpl
    async def on_stop() -> None:
        assert asyncio.get_running_loop() is loop
        await asyncio.sleep(0)
        file.close()
        (HERE / "stopped").write_text(str(file.closed))
'''
NOT_STARTED = "plugin members: on_start failed: FileNotFoundError: "


@contextlib.contextmanager
def proxy(folder: Path, environment: dict[str, str]) -> Iterator[Relay]:
    """Not entered, before an upstream that runs."""
    upstream = folder / "upstream"
    upstream.mkdir()
    with MemoryRelay(upstream, OPEN) as behind:
        yield Proxy(folder, OPEN, behind.url, environment=environment)


def alone(make: Callable[..., Relay]) -> Callable[..., contextlib.AbstractContextManager[Relay]]:
    return lambda folder, environment: contextlib.nullcontext(
        make(folder, OPEN, environment=environment)
    )


HOSTS = {
    "nostr-relay": alone(Relay),
    "monstr": alone(MonstrRelay),
    "memory": alone(MemoryRelay),
    "proxy": proxy,
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Of a process that finds the plugin."""
    install(tmp_path, "members = third_party", code=PLUGIN)
    return {"PYTHONPATH": python_path(tmp_path)}


def decided(folder: Path) -> list[str]:
    """What the plugin has logged."""
    return (folder / "decided").read_text().splitlines()


@pytest.mark.parametrize("host", HOSTS)
@asynchronous
async def test_what_it_opens_is_there_and_is_closed(
    host: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    """On the event loop on which it is asked. It is told where the relay is."""
    member = Key()
    (tmp_path / "members").write_text(member.pubkey)
    with HOSTS[host](tmp_path, environment) as made, made as relay:
        async with connected(relay.url) as client:
            assert await client.publish(member.event()) == (True, "")
            assert await client.publish(Key().event()) == (False, "restricted: no member")
        assert decided(tmp_path) == ["write: accept by orly-policy", "write: reject by members"]
        assert relay.url in (tmp_path / "urls").read_text().split()
        assert not (tmp_path / "stopped").exists()
        relay.stop(signal.SIGINT)
        assert (tmp_path / "stopped").read_text() == "True"
        assert "Traceback" not in relay.stderr


@pytest.mark.parametrize("host", HOSTS)
def test_one_that_does_not_start_keeps_the_relay_closed(
    host: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    """The operator is told which one it is, and why."""
    with HOSTS[host](tmp_path, environment) as relay:
        try:
            relay.launch()
            assert relay.wait() != 0
        finally:
            relay.kill()
        assert NOT_STARTED in relay.stderr
        assert "Traceback" not in relay.stderr
        assert not (tmp_path / "stopped").exists()


def strfry(
    folder: Path, environment: dict[str, str], said: str
) -> "subprocess.CompletedProcess[str]":
    """The command's end, once it has answered what it is asked."""
    policy = folder / "policy.json"
    policy.write_text(json.dumps(OPEN))
    arguments = ["strfry", str(policy), "--public-url", "wss://relay.example"]
    env = {**os.environ, **environment}
    return completed(
        "orly_policy_plugin.cli", arguments, cwd=folder, env=env, stdin=said, timeout=60
    )


def test_under_strfry_too(tmp_path: Path, environment: dict[str, str]) -> None:
    """A host that does not run on an event loop."""
    member = Key()
    (tmp_path / "members").write_text(member.pubkey)
    lines = [
        {"type": "new", "event": key.event(), "sourceType": "IP4", "sourceInfo": "192.0.2.7"}
        for key in (member, Key())
    ]
    done = strfry(tmp_path, environment, "".join(f"{json.dumps(each)}\n" for each in lines))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["action"] for answer in answers] == ["accept", "reject"]
    assert answers[1]["msg"] == "restricted: no member"
    assert decided(tmp_path) == ["write: accept by orly-policy", "write: reject by members"]
    assert (tmp_path / "urls").read_text() == "wss://relay.example"
    assert (tmp_path / "stopped").read_text() == "True"
    assert done.returncode == 0, done.stderr


def test_strfry_is_told_as_well(tmp_path: Path, environment: dict[str, str]) -> None:
    """In a line, as of everything that keeps it from starting."""
    done = strfry(tmp_path, environment, "")
    assert NOT_STARTED in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 2
