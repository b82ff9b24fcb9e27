"""Scripts and rate limits through the relay: child processes on one side, sockets on the other."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import pytest

from .client import Client, asynchronous, connected
from .process import Relay
from .signing import Key, named_key

OWNER = named_key("an owner")

OBEYS = """
    #!{python}
    # Does what the content says; slow ones are worked on together.
    import json, os, signal, sys, threading, time

    writing = threading.Lock()

    def answer(event, action, msg=""):
        with writing:
            print(json.dumps({{"id": event["id"], "action": action, "msg": msg}}), flush=True)

    def slowly(event, seconds):
        time.sleep(seconds)
        answer(event, "accept")

    for line in sys.stdin:
        event = json.loads(line)
        word, _, rest = event["content"].partition(" ")
        if word == "pid":
            answer(event, "reject", str(os.getpid()))
        elif word == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif word == "slow" or (word == "slow-to-read" and event["access_type"] == "read"):
            threading.Thread(target=slowly, args=(event, float(rest)), daemon=True).start()
        elif word == "secret" and event["access_type"] == "read":
            friend = event.get("logged_in_pubkey") == rest
            answer(event, "accept" if friend else "reject")
        elif word in ("reject", "shadowReject"):
            answer(event, word, rest)
        else:
            answer(event, "accept")
"""
"""A script that the tests command."""

ONE_SECOND_EACH = """
    #!{python}
    import json, sys, time

    for line in sys.stdin:
        time.sleep(1)
        print(json.dumps({{"id": json.loads(line)["id"], "action": "accept"}}), flush=True)
"""

SAYS_ENVIRONMENT = """
    #!{python}
    import json, os, sys

    for line in sys.stdin:
        said = json.dumps(sorted(os.environ))
        answer = {{"id": json.loads(line)["id"], "action": "reject", "msg": said}}
        print(json.dumps(answer), flush=True)
"""

POLICY: dict[str, Any] = {
    "owners": [OWNER.pubkey],
    "rules": {
        "1": {"script": "scripts/obeys"},
        "7": {"script": "scripts/one-second"},
        "8": {"rate_limit": 200},
    },
}


def put_script(path: Path, source: str) -> None:
    """An executable file, put there as a whole."""
    path.parent.mkdir(exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_text(textwrap.dedent(source).lstrip().format(python=sys.executable))
    beside.chmod(0o755)
    beside.replace(path)


class ScriptedRelay(Relay):
    """A relay with scripts, and options of its own."""

    def __init__(self, *args: Any, options: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.options = options
        put_script(self.folder / "scripts" / "obeys", OBEYS)
        put_script(self.folder / "scripts" / "one-second", ONE_SECOND_EACH)

    def launch(self, *options: str, **popen: Any) -> None:
        """Start the process."""
        super().launch(*self.options, *options, **popen)


@pytest.fixture(params=["sqlite", "lmdb"])
def relay(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ScriptedRelay]:
    """A relay of its own for each test."""
    with ScriptedRelay(tmp_path, POLICY, request.param) as running:
        yield running


def note(content: str, kind: int = 1, key: Key | None = None) -> dict[str, Any]:
    """An event that no other test has."""
    return (key or Key()).event(kind, content)


async def script_pid(client: Client) -> int:
    """The script's process, which it says itself."""
    _, message = await client.publish(note("pid"))
    return int(message.removeprefix("blocked: "))


async def ended(pid: int) -> None:
    """Wait until a process is gone."""
    async with asyncio.timeout(10):
        while is_running(pid):  # noqa: ASYNC110 -- nobody tells
            await asyncio.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@asynchronous
async def test_a_script_accepts_and_rejects(relay: ScriptedRelay) -> None:
    """With its own message, and its own prefix where it gives one."""
    async with connected(relay.url) as client:
        assert await client.publish(note("fine")) == (True, "")
        assert await client.publish(note("reject too loud")) == (False, "blocked: too loud")
        assert await client.publish(note("reject pow: 20 bits")) == (False, "pow: 20 bits")
        assert await client.publish(note("reject", kind=2)) == (True, "")


@asynchronous
async def test_a_shadow_rejected_event_is_nowhere(relay: ScriptedRelay) -> None:
    """The client is told OK; the event is neither stored nor sent on."""
    async with connected(relay.url) as client, connected(relay.url) as other:
        live = await other.subscribe({"kinds": [1]})
        shadowed, accepted = note("shadowReject"), note("fine")
        assert await client.publish(shadowed) == (True, "")
        assert await client.publish(accepted) == (True, "")
        await other.until(lambda: accepted["id"] in live.ids)
        assert shadowed["id"] not in live.ids
        assert await other.stored_ids({"ids": [shadowed["id"], accepted["id"]]}) == {
            accepted["id"]
        }


@asynchronous
async def test_a_script_decides_who_reads(relay: ScriptedRelay) -> None:
    """Stored and live events, each reader by itself."""
    friend, stranger = Key(), Key()
    async with (
        connected(relay.url) as writer,
        connected(relay.url, friend) as friends,
        connected(relay.url, stranger) as strangers,
    ):
        stored, live, open_to_all = (
            note(f"secret {friend.pubkey}", key=stranger),
            note(f"secret {friend.pubkey}"),
            note("fine"),
        )
        await writer.publish_all(stored)
        of_friend = await friends.subscribe({"kinds": [1]})
        of_stranger = await strangers.subscribe({"kinds": [1]})
        await writer.publish_all(live, open_to_all)
        await friends.until(lambda: of_friend.ids == {stored["id"], live["id"], open_to_all["id"]})
        await strangers.until(lambda: open_to_all["id"] in of_stranger.ids)
        assert of_stranger.ids == {open_to_all["id"]}


@asynchronous
async def test_the_events_of_a_req_are_asked_together(relay: ScriptedRelay) -> None:
    """Thirty that take half a second each are there in much less than fifteen."""
    async with connected(relay.url) as client:
        notes = [note("slow-to-read 0.5") for _ in range(30)]
        await client.publish_all(*notes)
        began = time.monotonic()
        assert len(await client.stored_ids({"kinds": [1]})) == 30
        assert 0.5 <= time.monotonic() - began < 4


@asynchronous
@pytest.mark.heavy
async def test_a_slow_script_delays_no_other_writer(relay: ScriptedRelay) -> None:
    """While there is always an event that waits a second for its script, others are answered as
    fast as ever: 20 ms at most are between them, and twice the time where all is slow.
    """
    is_over = asyncio.Event()

    async def write_slowly(writer: Client) -> None:
        while not is_over.is_set():
            await writer.publish_all(note("x", kind=7))

    async with connected(relay.url) as client, contextlib.AsyncExitStack() as stack:
        await delays(client, 20)
        before = await delays(client, 200)
        slow = [await stack.enter_async_context(connected(relay.url)) for _ in range(4)]
        waiting = [asyncio.create_task(write_slowly(each)) for each in slow]
        meanwhile = await delays(client, 200)
        is_over.set()
        await asyncio.gather(*waiting)
    assert median(meanwhile) < 2 * median(before) + 0.020
    assert quantiles(meanwhile, n=10)[-1] < 2 * quantiles(before, n=10)[-1] + 0.020


async def delays(client: Client, count: int) -> list[float]:
    """How long writes take that no script is asked about, in seconds."""
    taken = []
    for i in range(count):
        event = note(f"{i}", kind=2, key=OWNER)
        began = time.perf_counter()
        await client.publish_all(event)
        taken.append(time.perf_counter() - began)
    return taken


@asynchronous
async def test_a_script_that_died_is_started_again(relay: ScriptedRelay) -> None:
    """The event that it died of gets the default, and the next one the new process's answer."""
    async with connected(relay.url) as client:
        first = await script_pid(client)
        assert await client.publish(note("die")) == (True, "")
        second = await script_pid(client)
        assert second != first
        assert not is_running(first)
    assert relay.stderr.count("script scripts/obeys ended by itself (by SIGKILL)") == 1


@pytest.mark.parametrize("storage", ["sqlite", "lmdb"])
@asynchronous
async def test_a_failure_may_be_made_a_denial(storage: str, tmp_path: Path) -> None:
    """By the setting, whatever ``default_policy`` says; a time-out is a failure."""
    options = ("--script-failure-write", "deny", "--script-timeout", "0.5")
    with ScriptedRelay(tmp_path, POLICY, storage, options=options) as relay:
        async with connected(relay.url) as client:
            for content in ("die", "slow 3"):
                began = time.monotonic()
                answer = await client.publish(note(content))
                assert answer == (False, "error: policy script unavailable")
                assert time.monotonic() - began < 5
            assert await client.publish(note("fine")) == (True, "")


@pytest.mark.parametrize(("options", "is_read"), [((), False), (("default",), True)])
@asynchronous
async def test_what_a_script_fails_at_is_not_handed_out(
    options: tuple[str, ...], is_read: bool, tmp_path: Path
) -> None:
    """Unless the operator says that reads get the default, too."""
    options = (
        *(("--script-failure-read", *options) if options else ()),
        "--script-timeout",
        "0.5",
    )
    with ScriptedRelay(tmp_path, POLICY, options=options) as relay:
        async with connected(relay.url) as client:
            unread, read = note("slow-to-read 20"), note("fine")
            await client.publish_all(unread, read)
            found = await client.stored_ids({"kinds": [1]})
            assert found == ({unread["id"], read["id"]} if is_read else {read["id"]})


@asynchronous
@pytest.mark.heavy
async def test_a_flood_of_readers_is_handed_nothing_and_keeps_nobody_waiting(
    relay: ScriptedRelay,
) -> None:
    """Thirty strangers, each with a key of its own, ask again and again for what the script keeps
    for a friend, who gets it meanwhile; the policy allows by default.
    """
    friend = Key()
    async with (
        connected(relay.url) as writer,
        connected(relay.url, friend) as friends,
        contextlib.AsyncExitStack() as stack,
    ):
        secrets = [note(f"secret {friend.pubkey}") for _ in range(50)]
        await writer.publish_all(*secrets)
        strangers = [
            await stack.enter_async_context(connected(relay.url, Key())) for _ in range(30)
        ]
        flood = asyncio.gather(
            *(each.stored_ids({"kinds": [1]}) for each in strangers for _ in range(5))
        )
        found = await friends.stored_ids({"kinds": [1]})
        assert found == {secret["id"] for secret in secrets}
        assert set().union(*await flood) == set()


@asynchronous
async def test_an_event_that_ends_the_script_lets_no_other_past_it(relay: ScriptedRelay) -> None:
    """What was sent with it is asked again, and refused."""
    async with connected(relay.url) as client, contextlib.AsyncExitStack() as stack:
        assert await client.publish(note("fine")) == (True, "")
        many = [await stack.enter_async_context(connected(relay.url)) for _ in range(12)]
        notes = [note("die" if n % 6 == 3 else "reject no") for n in range(12)]
        answers = await asyncio.gather(
            *(each.publish(one) for each, one in zip(many, notes, strict=True))
        )
        for one, answer in zip(notes, answers, strict=True):
            assert answer == ((True, "") if one["content"] == "die" else (False, "blocked: no"))


@asynchronous
async def test_a_script_does_not_find_the_relays_secrets(tmp_path: Path) -> None:
    """But what an option names; the relay is started with more."""
    options = ("--script-environment", "WORD_LIST")
    policy = {"rules": {"1": {"script": "scripts/environment"}}}
    environment = {"WORD_LIST": "words", "RELAY_SECRET": "s3cret"}
    relay = ScriptedRelay(tmp_path, policy, options=options, environment=environment)
    put_script(relay.folder / "scripts" / "environment", SAYS_ENVIRONMENT)
    with relay:
        async with connected(relay.url) as client:
            _, message = await client.publish(note("what is there?"))
    names = set(json.loads(message.removeprefix("blocked: ")))
    assert "WORD_LIST" in names
    assert names <= {"PATH", "LANG", "HOME", "LC_CTYPE", "WORD_LIST"}


@asynchronous
async def test_an_edited_script_is_obeyed_within_a_second(relay: ScriptedRelay) -> None:
    """The process is another then; its file alone says so. Another's goes on."""
    async with connected(relay.url) as client:
        first = await script_pid(client)
        put_script(relay.folder / "scripts" / "obeys", OBEYS.replace('"reject"', '"accept"'))
        began = time.monotonic()
        event = note("pid")
        while (await client.publish(event))[1] != "":
            assert time.monotonic() - began < 5
            event = note("pid")
            await asyncio.sleep(0.02)
        await ended(first)


@asynchronous
async def test_a_saved_policy_keeps_its_scripts_running(relay: ScriptedRelay) -> None:
    """One that it names no more ends, the other goes on as the same process."""
    async with connected(relay.url) as client:
        pid = await script_pid(client)
        kept = {key: rule for key, rule in POLICY["rules"].items() if key != "7"}
        relay.save_policy({**POLICY, "rules": {**kept, "9": {"content_limit": 5}}})
        relay.wait_for(lambda: "rules.9: nothing" in relay.stdout)
        assert await script_pid(client) == pid
        assert (await client.publish(note("x", kind=7)))[0]


@asynchronous
async def test_a_policy_that_names_no_script_that_is_there_is_refused(
    relay: ScriptedRelay,
) -> None:
    """The last good policy stays, and the place is named."""
    relay.save_policy({**POLICY, "rules": {"1": {"script": "scripts/misspelt"}}})
    relay.wait_for(lambda: "rules.1.script: 'scripts/misspelt' is not there" in relay.stderr)
    async with connected(relay.url) as client:
        assert await client.publish(note("reject no")) == (False, "blocked: no")


@asynchronous
async def test_a_signed_policy_may_name_known_scripts_alone(relay: ScriptedRelay) -> None:
    """Those of the local policy and of the folder beside it, and no program of the machine."""

    def update(script: str, created_at: int) -> dict[str, Any]:
        policy = {**POLICY, "rules": {"1": {"script": script}}}
        return OWNER.event(12345, json.dumps(policy), created_at=created_at)

    now = int(time.time()) - 100
    put_script(relay.folder / "scripts" / "new", OBEYS)
    async with connected(relay.url) as client:
        for i, script in enumerate(
            ("/bin/sh", "scripts/../scripts/new", "./scripts/new", "new", "scripts/missing")
        ):
            accepted, message = await client.publish(update(script, now + i))
            assert not accepted
            assert message.startswith("invalid: rules.1.script: a policy event may name only")
        first = await script_pid(client)
        accepted, message = await client.publish(update("scripts/new", now + 50))
        assert accepted, message
        assert await script_pid(client) != first
        await ended(first)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("storage", ["sqlite", "lmdb"])
@asynchronous
@pytest.mark.heavy
async def test_no_script_outlives_its_relay(
    how: signal.Signals, storage: str, tmp_path: Path
) -> None:
    """However the relay ends: then their input does."""
    with ScriptedRelay(tmp_path, POLICY, storage) as relay:
        async with connected(relay.url) as client:
            pid = await script_pid(client)
        await asyncio.to_thread(relay.stop, how)
        await ended(pid)


@asynchronous
async def test_two_connections_of_a_key_share_its_rate(relay: ScriptedRelay) -> None:
    """The message tells when to try again. Keys that the policy does not name share the average
    of their address, which holds up nobody whom it names.
    """
    key, other = OWNER, Key()
    long = "x" * 700
    async with (
        connected(relay.url, key) as one,
        connected(relay.url, key) as two,
        connected(relay.url, other) as third,
        connected(relay.url) as nobody,
    ):
        assert await one.publish(note(long, 8)) == (True, "")
        accepted, message = await two.publish(note(long, 8))
        assert not accepted
        assert message.startswith("rate-limited: 200 bytes per second allowed, try again in ")
        seconds = int(message.split()[-2])
        assert await third.publish(note(long, 8)) == (True, "")
        assert not (await nobody.publish(note(long, 8)))[0]
        assert 1 <= seconds < 30
        await asyncio.sleep(seconds)
        assert await two.publish(note(long, 8)) == (True, "")


@asynchronous
async def test_each_worker_has_its_own_process(tmp_path: Path) -> None:
    """Two workers answer alike, and leave nothing behind."""
    with ScriptedRelay(tmp_path, POLICY, options=("--workers", "2")) as relay:
        pids = set()
        async with asyncio.timeout(30):
            while len(pids) < 2:
                async with connected(relay.url) as client:
                    pids.add(await script_pid(client))
        await asyncio.to_thread(relay.stop)
        for pid in pids:
            await ended(pid)
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
