"""The commands of docs/relays.md, with a YAML file that says no more than it must."""

import contextlib
import re
from pathlib import Path

import pytest

from .client import asynchronous, connected
from .documented import COMMANDS, started
from .signing import Key
from .test_nothing_forged import connect_from


def test_there_are_two_commands() -> None:
    """Of which these tests tell."""
    assert COMMANDS.keys() == {"uvicorn", "gunicorn"}


@pytest.mark.parametrize("server", COMMANDS)
@asynchronous
async def test_the_operator_is_told(tmp_path: Path, server: str) -> None:
    """Of a policy that cannot be used, in the log; and no header forges a line of it."""
    async with started(tmp_path, server) as relay:
        await connect_from(relay, b"https://a\x9b2J\x85forged")
        async with connected(relay.url) as client:
            accepted, message = await client.publish(Key().event(7, "123456"))
            assert not accepted
            assert message.startswith("blocked: content is 6 bytes")
        (tmp_path / "policy.json").write_text('{"rulez": {}}')
        await relay.until(lambda: "the stored policy cannot be used" in relay.log())
        assert "did you mean 'rules'" in relay.log()
        assert r"https://a\x9b2j\x85forged" in relay.log()
        assert not re.search("[\x1b\x85\x9b]", relay.log())


@asynchronous
async def test_live_events_reach_the_readers_of_every_worker(tmp_path: Path) -> None:
    """Whichever process a client happens to be on."""
    key = Key()
    async with started(tmp_path, "gunicorn") as relay, contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(relay.url)) for _ in range(12)]
        readers = [
            (client, await client.subscribe({"authors": [key.pubkey]})) for client in clients
        ]
        events = [key.event(1, f"{number}") for number in range(24)]
        for client, event in zip(clients * 2, events, strict=True):
            await client.publish_all(event)
        ids = {event["id"] for event in events}
        for client, subscription in readers:
            await client.until(lambda of=subscription: of.ids == ids)
            assert len(subscription.events) == len(ids)
        assert len(list((tmp_path / "events.sqlite3.workers").iterdir())) == 2
