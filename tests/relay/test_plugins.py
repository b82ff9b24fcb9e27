"""Third-party plugins that are found by entry point, beside the engine."""

import asyncio
import os
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .client import asynchronous, connected
from .process import ROOT, Relay
from .signing import Key

BUDGET_SECONDS = 3

PLUGIN = '''
    """Does what an event's content says: "sync deny", "async raise on read" ..."""

    import asyncio

    from orly_policy_hookspecs import Decision, hookimpl


    def _do(me, event, access):
        who, what, *rest = [*event.content.split(), "", ""]
        on = rest[1] if len(rest) > 2 else "write"
        if who != me or access != on:
            return None
        if what == "deny":
            return Decision.reject(f"restricted: {me} says no")
        if what == "shadow":
            return Decision.shadow_reject()
        if what == "vouch":
            return Decision.vouch()
        if what == "raise":
            raise RuntimeError("secret detail")
        if what == "exit":
            raise SystemExit(7)
        if what == "garbage":
            return "yes"
        return None


    class Sync:
        @hookimpl
        def on_write(self, event, context):
            return _do("sync", event, "write")

        @hookimpl
        def on_read(self, event, context):
            return _do("sync", event, "read")


    class Async:
        @hookimpl
        async def on_write(self, event, context):
            await asyncio.sleep(0)
            if "hang" in event.content and "write" in event.content:
                await asyncio.Event().wait()
            return _do("async", event, "write")

        @hookimpl
        async def on_read(self, event, context):
            await asyncio.sleep(0)
            if "hang" in event.content and "read" in event.content:
                await asyncio.Event().wait()
            return _do("async", event, "read")


    sync = Sync()
    asynchronous = Async()
'''

HOST = f'''
    """The example relay with other settings of the gate."""

    import functools

    import example_relay.__main__ as relay
    from orly_policy_hookspecs import GateSettings

    relay.create_app = functools.partial(
        relay.create_app,
        gate_settings=GateSettings(
            may_vouch_write={{"sync-one"}}, may_vouch_read={{"sync-one"}},
            budget_seconds={BUDGET_SECONDS},
        ),
    )
    relay.main()
'''

POLICY = {
    "default_policy": "deny",
    "rules": {
        "1": {"write_allow": [], "read_allow": []},
        "4": {"write_allow": [], "privileged": True},
        "7": {"content_limit": 1000},
        "8": {"content_limit": 5, "read_allow": []},
        "9": {"write_allow": []},
    },
}


@pytest.fixture(scope="module", params=["sqlite", "lmdb"])
def plugged(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Relay]:
    """A relay with two plugins besides the engine; ``sync-one`` may vouch."""
    folder = tmp_path_factory.mktemp("plugins")
    install(folder, "sync-one = third_party:sync", "async-one = third_party:asynchronous")
    host = folder / "host.py"
    host.write_text(textwrap.dedent(HOST))
    with Relay(
        folder,
        POLICY,
        request.param,
        command=(sys.executable, str(host)),
        environment={"PYTHONPATH": python_path(folder)},
    ) as running:
        yield running


def python_path(folder: Path) -> str:
    """Where a relay finds what :func:`install` left in a folder."""
    return os.pathsep.join([str(folder), str(ROOT), *sys.path])


def install(folder: Path, *entry_points: str, code: str = PLUGIN, needs: str = "") -> None:
    """What installing a distribution leaves behind.

    :param needs: a requirement of it.
    """
    (folder / "third_party.py").write_text(textwrap.dedent(code))
    info = folder / "third_party-1.0.dist-info"
    info.mkdir()
    metadata = "Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n"
    (info / "METADATA").write_text(metadata + (f"Requires-Dist: {needs}\n" if needs else ""))
    (info / "entry_points.txt").write_text("[orly_policy]\n" + "\n".join(entry_points))


ON_WRITE: dict[str, tuple[int, bool, str]] = {
    "sync nothing": (1, True, ""),
    "sync deny": (1, False, "restricted: sync says no"),
    "async deny": (1, False, "restricted: async says no"),
    "sync raise": (1, False, "error: a policy plugin failed"),
    "async raise": (1, False, "error: a policy plugin failed"),
    "sync exit": (1, False, "error: a policy plugin failed"),
    "sync garbage": (1, False, "error: a policy plugin failed"),
    "async garbage": (1, False, "error: a policy plugin failed"),
    "sync vouch": (7, True, ""),
    "async vouch": (7, False, "blocked: default_policy denies to write this kind"),
    "sync vouch but too long": (8, False, "blocked: content is 23 bytes"),
}


@pytest.mark.parametrize("content", ON_WRITE)
@asynchronous
async def test_plugin_on_a_write(plugged: Relay, content: str) -> None:
    """Deny wins, a fault is a rejection that tells nothing, a vouch counts where it may."""
    kind, accepted, message = ON_WRITE[content]
    event = Key().event(kind, content)
    async with connected(plugged.url) as client:
        answer = await client.publish(event)
        assert (answer[0], answer[1][: len(message)]) == (accepted, message)
        assert "secret detail" not in answer[1]


@pytest.mark.parametrize("content", ["sync shadow", "async shadow"])
@asynchronous
async def test_shadow_reject_says_yes_and_stores_nothing(plugged: Relay, content: str) -> None:
    """OK true with no message, like any other; nobody is given the event."""
    key = Key()
    event, marker = key.event(1, content), key.event(1, "marker")
    async with connected(plugged.url) as client:
        subscription = await client.subscribe({"authors": [key.pubkey]})
        assert await client.publish(event) == (True, "")
        await client.publish_all(marker)
        await client.until(lambda: marker["id"] in subscription.ids)
        assert event["id"] not in subscription.ids
        assert await client.stored({"authors": [key.pubkey]}) == [marker]


READS: dict[str, tuple[int, bool]] = {
    "sync nothing on read": (1, True),
    "sync deny on read": (1, False),
    "async deny on read": (1, False),
    "sync raise on read": (1, False),
    "async raise on read": (1, False),
    "sync exit on read": (1, False),
    "async garbage on read": (1, False),
    "sync shadow on read": (1, False),
    "sync vouch on read": (4, False),
    "async vouch on read": (4, False),
}


@asynchronous
async def test_plugin_on_a_read(plugged: Relay) -> None:
    """Stored and live alike, one by one; a vouch opens no private event."""
    key = Key()
    events = {content: key.event(kind, content) for content, (kind, _) in READS.items()}
    marker = key.event(1, "marker")
    filters = {"authors": [key.pubkey]}
    readable = {events[content]["id"] for content, (_, may) in READS.items() if may}
    async with connected(plugged.url) as writer, connected(plugged.url) as reader:
        live = await reader.subscribe(filters)
        await writer.publish_all(*events.values(), marker)
        await reader.until(lambda: marker["id"] in live.ids)
        assert live.ids == {*readable, marker["id"]}
        assert await reader.stored_ids(filters) == {*readable, marker["id"]}


@asynchronous
async def test_request_is_served_where_a_plugin_could_vouch(plugged: Relay) -> None:
    """A vouch opens a read that only ``default_policy`` denies; the REQ is not CLOSED before."""
    key = Key()
    opened, closed = key.event(9, "sync vouch on read"), key.event(9, "sync nothing")
    async with connected(plugged.url) as client:
        await client.publish_all(opened, closed)
        filters = {"kinds": [9], "authors": [key.pubkey]}
        assert await client.stored_ids(filters) == {opened["id"]}


@asynchronous
async def test_hanging_plugin_fails_its_own_question_alone(plugged: Relay) -> None:
    """Within the budget ``error:``; meanwhile other connections go on, reads and writes."""
    key = Key()
    hanging = key.event(1, "async hang on write")
    async with connected(plugged.url) as stuck, connected(plugged.url) as other:
        began = time.monotonic()
        waiting = asyncio.create_task(stuck.publish(hanging))
        for i in range(50):
            await other.publish_all(key.event(1, str(i)))
        assert len(await other.stored({"authors": [key.pubkey]})) == 50
        assert not waiting.done()
        answer = await waiting
        assert answer == (False, "error: the policy took too long to answer")
        assert BUDGET_SECONDS - 0.5 < time.monotonic() - began < BUDGET_SECONDS + 5
        assert await other.stored_ids({"ids": [hanging["id"]]}) == set()


@asynchronous
async def test_hanging_read_holds_nobody_up(plugged: Relay) -> None:
    """The writer is answered at once, other events of the same reader arrive, EOSE comes."""
    key = Key()
    hanging, marker = key.event(1, "async hang on read"), key.event(1, "marker")
    async with connected(plugged.url) as writer, connected(plugged.url) as reader:
        live = await reader.subscribe({"authors": [key.pubkey]})
        began = time.monotonic()
        await writer.publish_all(hanging, marker)
        await reader.until(lambda: marker["id"] in live.ids)
        assert time.monotonic() - began < BUDGET_SECONDS
        assert await reader.stored_ids({"authors": [key.pubkey]}) == {marker["id"]}
        assert time.monotonic() - began >= BUDGET_SECONDS - 0.5
        assert hanging["id"] not in live.ids


@pytest.mark.parametrize(
    ("code", "needs", "says"),
    [
        ("def on_wirte(event): ...", "", "did you mean 'on_write'"),
        ("@hookimpl\ndef on_wirte(event): ...", "", "did you mean 'on_write'"),
        (
            "raise SystemExit",
            "orly-policy-hookspecs>=9",
            "plugin bad (third-party 1.0) wants orly-policy-hookspecs>=9, and ",
        ),
        (
            "from orly_policy_hookspecs import of_tomorrow",
            "orly-policy-hookspecs>=0.1",
            "plugin bad (third-party 1.0) wants something that orly-policy-hookspecs ",
        ),
    ],
)
def test_plugin_that_cannot_work_stops_the_start(
    tmp_path: Path, code: str, needs: str, says: str
) -> None:
    """A misspelt hook is an error, not silence, and so is a newer contract; each is named."""
    code = f"from orly_policy_hookspecs import hookimpl\n{code}"
    install(tmp_path, "bad = third_party", code=code, needs=needs)
    relay = Relay(tmp_path, {}, environment={"PYTHONPATH": python_path(tmp_path)})
    try:
        relay.launch()
        assert relay.wait() == 1
    finally:
        relay.kill()
    assert relay.stderr.startswith("the relay does not start:\n")
    assert says in relay.stderr
    assert "Traceback" not in relay.stderr


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("def on_open(): raise OSError('no disk')", "on_open failed: OSError: no disk\n"),
        ("def needed_lists(): return 5", "needed_lists failed: TypeError: "),
    ],
)
def test_plugin_that_fails_as_the_relay_opens_is_named(
    tmp_path: Path, code: str, says: str
) -> None:
    """And the relay stays closed."""
    code = f"from orly_policy_hookspecs import hookimpl\n@hookimpl\n{code}"
    install(tmp_path, "bad = third_party", code=code)
    relay = Relay(tmp_path, {}, environment={"PYTHONPATH": python_path(tmp_path)})
    try:
        relay.launch()
        assert relay.wait() != 0
    finally:
        relay.kill()
    assert f"the relay does not start: plugin bad: {says}" in relay.stderr
    assert "Traceback" not in relay.stderr
