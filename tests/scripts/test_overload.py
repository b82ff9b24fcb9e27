"""Too many questions, and events that end the script: nobody gains by them, nobody else loses."""

import asyncio
import errno
import hashlib
import json
import os
import signal
import time
from typing import Any

import pytest
from examples import ALICE, NOBODY, NOW, AnEvent

from orly_policy_hookspecs import Context, Decision, Gate, GateSettings
from orly_policy_plugin.decisions.replies import Action, Reply
from orly_policy_plugin.plugin import NAME, PolicyPlugin
from orly_policy_plugin.scripts.our_replies import NO_ROOM, NOT_IN_TIME
from orly_policy_plugin.scripts.runner import OUR_LACK_SECONDS
from orly_policy_plugin.scripts.running import MOST_QUESTIONS
from orly_policy_plugin.scripts.window import FIRST

pytestmark = pytest.mark.usefixtures("soon_killed")

LONG_SECONDS = 30.0
FLOODERS = 95
FOR_ONE_ALONE = f"""
while not os.path.exists("go"):
    time.sleep(0.001)
order = open("order", "a", buffering=1)
for event in events():
    print(event.get("logged_in_pubkey"), file=order)
    answer(event, "accept" if event.get("logged_in_pubkey") == "{ALICE}" else "reject")
"""
REJECTS_SLOWLY = """
for event in events():
    time.sleep(0.1)
    answer(event)
"""
DIES_AT_SOME = """
for event in events():
    if event["content"] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    answer(event)
"""
HANGS_AT_SOME = """
for event in events():
    if event["content"] == "hang":
        time.sleep(3600)
    answer(event)
"""
TRIPS_OVER_SOME_ADDRESSES = """
for event in events():
    a, b, c, d = event["ip_address"].split(".")
    answer(event)
"""
ANSWERS_AND_DIES = """
for event in events():
    answer(event)
    if event["content"] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
"""


def numbered(number: int, **fields: Any) -> AnEvent:
    return AnEvent(id=f"{number:064x}", **fields)


def right(event: AnEvent) -> Reply:
    """What the preamble's ``answer`` says."""
    return Reply(Action.REJECT, json.dumps([event.id, "write", None]))


def key(number: int) -> str:
    return hashlib.sha256(f"throwaway {number}".encode()).hexdigest()


def enforcing(folder: Any, budget_seconds: float, **settings: Any) -> Gate:
    path = folder.path / "policy.json"
    path.write_text(json.dumps({"rules": {"1": {"script": "script.py"}}}))
    plugin = PolicyPlugin.load(path, clock=lambda: NOW, **settings)
    folder.made.append(plugin.scripts)
    gate = Gate(GateSettings(budget_seconds=budget_seconds))
    gate.register(plugin, NAME)
    return gate


def one_address(number: int) -> Context:
    """Each with a key and a connection of its own."""
    return Context(authenticated=(key(number),), ip="192.0.2.9", connection=object())


def one_network(number: int) -> Context:
    """The same from addresses that one customer may choose from."""
    ip = f"2001:db8:1:2::{number:x}"
    return Context(authenticated=(key(number),), ip=ip, connection=object())


def one_connection(number: int) -> Context:
    """All on one connection."""
    return Context(authenticated=(key(number),), ip="", connection=None)


@pytest.mark.parametrize(
    ("of_flooder", "failure"),
    [(one_address, None), (one_network, "default"), (one_connection, None)],
)
@pytest.mark.heavy
def test_a_flood_of_reads_gets_nothing_and_keeps_nobody_waiting(
    folder: Any, of_flooder: Any, failure: str | None
) -> None:
    """95 keys ask at once for what a script guards, more than the queue holds, under a policy that
    allows by default: nobody is handed what the script denies. Whoever else asks meanwhile has
    every other turn.
    """
    folder.write(FOR_ONE_ALONE)
    settings = {} if failure is None else {"script_failure_read": failure}
    gate = enforcing(folder, LONG_SECONDS, script_timeout_seconds=LONG_SECONDS, **settings)
    reader = Context(authenticated=(ALICE,), ip="192.0.2.1", connection=object())
    events = [numbered(number) for number in range(128)]

    async def asking() -> tuple[list[list[Decision]], list[Decision]]:
        flood = [asyncio.create_task(gate.reads(events, of_flooder(n))) for n in range(FLOODERS)]
        await asyncio.to_thread(folder.until, lambda: folder.started)
        reading = asyncio.create_task(gate.reads(events[:40], reader))
        await asyncio.to_thread(folder.until, lambda: is_full(folder.made[0]))
        (folder.path / "go").touch()
        return await asyncio.gather(*flood), await reading

    flood, read = asyncio.run(asking())
    assert all(decision.accepted for decision in read)
    assert not any(decision.accepted for decisions in flood for decision in decisions)
    order = (folder.path / "order").read_text().splitlines()
    mine = [place for place, asked_by in enumerate(order) if asked_by == ALICE]
    assert len(mine) == 40
    assert mine[-1] <= FIRST + 2 * 40
    assert len(order) >= 5_000


def is_full(scripts: Any) -> bool:
    (runner,) = scripts._runners.values()
    return len(runner._questions) >= MOST_QUESTIONS - 10


def test_a_flood_of_writes_is_not_stored_unasked(folder: Any) -> None:
    """The script takes a tenth of a second for each, and a time-out would mean the default: so it
    is sent no more than it answers in time.
    """
    folder.write(REJECTS_SLOWLY)
    gate = enforcing(folder, LONG_SECONDS, script_timeout_seconds=2.0)

    async def asking() -> list[Decision]:
        return await asyncio.gather(*(gate.write(numbered(n), one_address(n)) for n in range(60)))

    assert not any(decision.accepted for decision in asyncio.run(asking()))


def test_what_the_budget_does_not_suffice_for_is_denied(folder: Any) -> None:
    """Whatever the default says, and at once for those who ask after it."""
    folder.write(REJECTS_SLOWLY)
    gate = enforcing(folder, 0.5)

    async def asking() -> list[Decision]:
        return await asyncio.gather(*(gate.write(numbered(n), NOBODY) for n in range(60)))

    decisions = asyncio.run(asking())
    assert not any(decision.accepted for decision in decisions)
    assert any(decision.message.startswith("error:") for decision in decisions)


def test_what_a_hanging_script_has_not_got_to_is_no_failure(folder: Any) -> None:
    """It has failed at one; the rest, whether it was sent or not, is denied as too much."""
    folder.write("time.sleep(3600)")
    scripts = folder.scripts(timeout_seconds=0.5, longest_wait_seconds=1.5)
    replies = [told.reply for told in folder.ask(scripts, *map(numbered, range(100)))]
    failed = [reply for reply in replies if reply.action is Action.FAILED]
    assert failed[0] == Reply.failed("no answer within 0.5 s")
    assert len(failed) < 4  # one a process: it is restarted, as it says nothing
    assert {reply for reply in replies if reply not in failed} == {NOT_IN_TIME}


def test_only_the_event_at_which_it_hangs_fails(folder: Any) -> None:
    """What was sent with it gets the script's answer, from the next process; the same event again
    fails at once, and holds up nobody.
    """
    folder.write(HANGS_AT_SOME)
    scripts = folder.scripts(timeout_seconds=1.0, longest_wait_seconds=LONG_SECONDS)
    folder.ask(scripts, *map(numbered, range(1_000, 1_200)), access="read")  # many are sent now
    events = [numbered(n, content="hang" if n == 1 else "fine") for n in range(60)]
    told = [one.reply for one in folder.ask(scripts, *events)]
    assert told[1] == Reply.failed("no answer within 1 s")
    assert told[:1] + told[2:] == [right(event) for event in events[:1] + events[2:]]
    started = len(folder.started)
    again, other = folder.ask(scripts, events[1], numbered(99))
    assert (again.reply.action, again.seconds < 0.9) == (Action.FAILED, True)
    assert other.reply == right(numbered(99))
    assert len(folder.started) == started


def test_no_time_in_which_all_stands_still_is_the_scripts(folder: Any) -> None:
    """A machine that is paused, or a relay that is: no answer could come, or none was heard."""
    folder.write(REJECTS_SLOWLY)
    scripts = folder.scripts(timeout_seconds=2.0, longest_wait_seconds=LONG_SECONDS)

    async def asking() -> list[Reply]:
        asked = [scripts.ask("script.py", numbered(n), "write", NOBODY, NOW) for n in range(8)]
        await asked[0]
        (status,) = scripts.status
        os.kill(status.pid, signal.SIGSTOP)
        scripts._loop.call_soon_threadsafe(time.sleep, 4.0)
        await asyncio.sleep(4.0)
        os.kill(status.pid, signal.SIGCONT)
        return await asyncio.gather(*asked)

    assert asyncio.run(asking()) == [right(numbered(n)) for n in range(8)]


def test_a_script_that_is_sent_too_much_fails_at_nothing(folder: Any) -> None:
    """One that answers some at once may be sent many; at the slow ones it is still working."""
    folder.write("""
for event in events():
    if event["access_type"] == "write":
        time.sleep(0.05)
    answer(event)
""")
    scripts = folder.scripts(timeout_seconds=0.5, longest_wait_seconds=2.0)
    quick = folder.ask(scripts, *map(numbered, range(300)), access="read")
    assert {told.reply.action for told in quick} == {Action.REJECT}
    slow = folder.ask(scripts, *map(numbered, range(1000, 1200)))
    actions = [told.reply.action for told in slow]
    assert Action.FAILED not in actions
    assert Action.REJECT in actions
    assert Action.OVERLOADED in actions


def test_what_was_given_up_takes_no_room(folder: Any) -> None:
    """Whoever asked has gone: what was not sent yet leaves the queue by itself."""
    folder.write("time.sleep(3600)")
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS, most_questions=20)

    async def asking() -> None:
        asked = [scripts.ask("script.py", numbered(n), "write", NOBODY, NOW) for n in range(20)]
        folder.until(lambda: folder.started)
        assert await scripts.ask("script.py", numbered(20), "write", NOBODY, NOW) == NO_ROOM
        for future in asked:
            future.cancel()
        (runner,) = scripts._runners.values()
        await asyncio.to_thread(folder.until, lambda: len(runner._questions) == FIRST)
        asked = [
            scripts.ask("script.py", numbered(n), "write", NOBODY, NOW) for n in range(30, 46)
        ]
        done, _ = await asyncio.wait(asked, timeout=0.5)
        assert not done

    asyncio.run(asking())


def test_that_we_cannot_start_it_is_no_failure_of_the_script(
    folder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One who makes many connections may have used up what a start needs."""

    def no_more(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("orly_policy_plugin.scripts.runner.start_process", no_more)
    folder.write(REJECTS_SLOWLY)
    gate = enforcing(folder, LONG_SECONDS)
    for _ in range(2):
        decision = asyncio.run(gate.write(numbered(1), NOBODY))
        assert decision.message == "error: the policy script cannot be started now"
        assert not decision.accepted
    (runner,) = folder.made[0]._runners.values()
    for _ in range(10):
        folder.made[0]._loop.call_soon_threadsafe(runner.start)
    monkeypatch.undo()
    folder.until(lambda: folder.answers(folder.made[0], numbered(2)), 2 * OUR_LACK_SECONDS)


# --- events that end the script


def test_only_the_events_that_end_it_fail(folder: Any) -> None:
    """What was in flight with them is asked again, and gets the script's answer."""
    folder.write(DIES_AT_SOME)
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS, longest_wait_seconds=LONG_SECONDS)
    events = [numbered(n, content="die" if n % 5 == 1 else "fine") for n in range(20)]
    assert folder.answers(scripts, *(numbered(n) for n in range(100, 150)))  # many are sent now
    for event, told in zip(events, folder.ask(scripts, *events), strict=True):
        if event.content == "die":
            assert told.reply == Reply.failed("ended by itself (by SIGKILL)")
        else:
            assert told.reply == right(event)


def test_an_event_that_has_ended_it_is_not_asked_again_at_once(folder: Any) -> None:
    """It fails, and ends nothing; when the script is another, it is asked."""
    folder.write(DIES_AT_SOME)
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS)
    killer = numbered(1, content="die")
    assert not folder.answers(scripts, killer)
    folder.until(lambda: folder.answers(scripts, numbered(2)))
    started = len(folder.started)
    for _ in range(5):
        assert not folder.answers(scripts, killer)
    assert folder.answers(scripts, numbered(3))
    assert len(folder.started) == started
    folder.write("for event in events(): answer(event)")
    folder.until(lambda: folder.answers(scripts, killer))


def test_who_trips_it_up_makes_nobody_elses_question_fail(folder: Any) -> None:
    """An event that a script cannot be asked about for one, can be asked about for others."""
    folder.write(TRIPS_OVER_SOME_ADDRESSES)
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS)
    event = numbered(1)
    assert not folder.answers(scripts, event, context=Context(ip="2001:db8::1"))
    assert folder.answers(scripts, event, context=Context(ip="192.0.2.1"))


def test_no_event_ends_it_in_anothers_name(folder: Any) -> None:
    """It is answered, and ends the script then, while others are in flight: they are answered."""
    folder.write(ANSWERS_AND_DIES)
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS, longest_wait_seconds=LONG_SECONDS)
    events = [numbered(n, content="die" if n % 3 == 1 else "fine") for n in range(30)]
    told = [one.reply for one in folder.ask(scripts, *events)]
    assert told == [right(event) for event in events]


@pytest.mark.parametrize("body", [DIES_AT_SOME, ANSWERS_AND_DIES])
@pytest.mark.heavy
def test_many_that_end_it_do_not_have_it_left_alone(folder: Any, body: str) -> None:
    """One who floods it with such events drives no backoff in which others' questions fail."""
    folder.write(body)
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS, longest_wait_seconds=LONG_SECONDS)
    flooder = Context(ip="192.0.2.9")
    killers = [numbered(n, content="die") for n in range(30)]
    innocent = [numbered(1_000 + n) for n in range(5)]

    async def asking() -> list[Reply]:
        flood = [scripts.ask("script.py", event, "write", flooder, NOW) for event in killers]
        replies = [
            await scripts.ask("script.py", event, "write", NOBODY, NOW) for event in innocent
        ]
        for future in flood:
            future.cancel()
        return replies

    assert asyncio.run(asking()) == [right(event) for event in innocent]


# --- its environment


SAYS_ENVIRONMENT = """
for event in events():
    answer(event, msg=json.dumps(dict(os.environ)))
"""


@pytest.mark.parametrize("passed", [(), ("WORD_LIST", "NOT_SET")])
def test_it_finds_nothing_of_ours_in_its_environment_but_what_is_named(
    folder: Any, monkeypatch: pytest.MonkeyPatch, passed: tuple[str, ...]
) -> None:
    """The relay's secrets are no script's business."""
    for name, value in {"HOME": "/home/relay", "SECRET": "s3cret", "WORD_LIST": "bad"}.items():
        monkeypatch.setenv(name, value)
    folder.write(SAYS_ENVIRONMENT)
    gate = enforcing(folder, LONG_SECONDS, script_environment=passed)
    said = asyncio.run(gate.write(numbered(1), NOBODY)).message.removeprefix("blocked: ")
    environment = json.loads(said)
    assert environment.pop("HOME") == "/home/relay"
    assert "PATH" in environment
    assert environment.pop("WORD_LIST", None) == ("bad" if passed else None)
    assert environment.keys() <= {"PATH", "LANG", "LC_CTYPE"}  # the last is Python's own
