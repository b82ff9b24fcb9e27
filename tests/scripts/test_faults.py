"""Scripts that do what they should not: every question gets one reply, in time, its own."""

import asyncio
import json
import os
import resource
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from examples import ALICE, BOB, NOBODY, NOW, AnEvent, by, shown

from orly_policy_plugin.decisions.replies import ACCEPTED, Action, Reply
from orly_policy_plugin.scripts.our_replies import NO_ROOM
from orly_policy_plugin.scripts.protocol import LONGEST_LINE_BYTES
from orly_policy_plugin.scripts.runner import MOST_STRAY

pytestmark = pytest.mark.usefixtures("soon_killed")

SLACK_SECONDS = 3.0
"""A machine that does much else is that late."""
SHORT_SECONDS = 0.4
STARTING_SECONDS = 1.5
"""In which a script starts and answers, on a busy machine after a few tries."""
LONG_SECONDS = 20.0
"""A time-out that nothing should need."""

UNANSWERED = (Action.FAILED, Action.OVERLOADED)

LogLines = Callable[[], list[str]]


def numbered(number: int, **fields: Any) -> AnEvent:
    return AnEvent(id=f"{number:064x}", **fields)


def right(event: AnEvent, access: str = "write", key: str | None = None) -> Reply:
    """What the preamble's ``answer`` says."""
    return Reply(Action.REJECT, json.dumps([event.id, access, key]))


ANSWER_ALL = """
for event in events():
    answer(event)
"""
LEAVE_A_CHILD = """
if os.fork() == 0:
    with open("children", "a") as children:
        print(os.getpid(), file=children)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(3600)
while not (os.path.exists("children") and os.path.getsize("children")):
    time.sleep(0.001)
"""


def after(answers: int, fault: str) -> str:
    """Answer so many, then do it."""
    return f"""
for count, event in enumerate(events(), 1):
    answer(event)
    if count == {answers}:
        {fault}
"""


def to_each(fault: str) -> str:
    """Do it instead of answering."""
    return f"""
for event in events():
    {fault}
"""


FAULTS = {
    "hangs": "time.sleep(3600)",
    "hangs after a while": after(5, "time.sleep(3600)"),
    "is killed": "os.kill(os.getpid(), 9)",
    "is killed after a while": after(5, "os.kill(os.getpid(), 9)"),
    "exits 1": "sys.exit(1)",
    "exits 0": "sys.exit(0)",
    "exits after each": after(1, "sys.exit(0)"),
    "raises": to_each("raise ValueError(event['id'])"),
    "floods with garbage": "while True: print('garbage' * 10)",
    "floods without line ends": "while True: sys.stdout.write('garbage' * 10_000)",
    "floods with answers": "while True: print(json.dumps({'id': 'x', 'action': 'accept'}))",
    "answers garbage": to_each("print('yes', flush=True)"),
    "answers garbage after a while": after(5, "print(event, flush=True)"),
    "answers blank lines": to_each("answer(event); print(flush=True)"),
    "answers twice": to_each("answer(event); answer(event)"),
    "answers for another": to_each("answer({**event, 'id': '00' * 32})"),
    "answers what is unknown": to_each("answer(event, action='deny ' + event['id'])"),
    "answers half a line": to_each("sys.stdout.write('{'); sys.stdout.flush(); sys.exit(0)"),
    "answers late": to_each("time.sleep(0.5); answer(event)"),
    "answers one in two": to_each("event['id'][-1] in '02468ace' and answer(event)"),
    "answers over 1 MiB": to_each(f"answer(event, msg='x' * {LONGEST_LINE_BYTES})"),
    "leaves a child": LEAVE_A_CHILD + after(5, "sys.exit(0)"),
    "ignores its end": (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)" + ANSWER_ALL + "while True: time.sleep(9)"
    ),
    "closes its output": after(5, "os.close(1); time.sleep(3600)"),
    "closes its input": after(5, "os.close(0); time.sleep(3600)"),
    "closes all": "[os.close(number) for number in (0, 1, 2)]; time.sleep(3600)",
    "stops itself": after(5, "os.kill(os.getpid(), signal.SIGSTOP)"),
    "complains": "sys.stderr.write('no! ' * 1_000_000)" + ANSWER_ALL,
}


@pytest.mark.parametrize("body", FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.heavy
def test_every_question_gets_its_own_reply_in_time(
    folder: Any, log_lines: LogLines, body: str
) -> None:
    """Or none, for a reason; the log has a line a change, not a line an event."""
    folder.write(body)
    longest = 0.5
    scripts = folder.scripts(timeout_seconds=SHORT_SECONDS, longest_wait_seconds=longest)
    for first in (0, 100):
        events = [numbered(first + number) for number in range(60)]
        for event, told in zip(events, folder.ask(scripts, *events), strict=True):
            assert told.reply == right(event) or told.reply.action in UNANSWERED
            assert told.seconds < longest + SHORT_SECONDS + SLACK_SECONDS
    scripts.stop()
    assert len(log_lines()) <= 30, log_lines()


ENDS = {
    "is killed": after(12, "os.kill(os.getpid(), 9)"),
    "exits 1": after(12, "sys.exit(1)"),
    "exits 0": after(12, "sys.exit(0)"),
    "exits unanswered": after(12, "event = next(events()); sys.exit(0)"),
    "prints garbage": after(12, "print('yes', flush=True)"),
    "prints too much": after(12, f"print('x' * {LONGEST_LINE_BYTES + 1}, flush=True)"),
    "closes its output": after(12, "os.close(1); time.sleep(3600)"),
}


@pytest.mark.parametrize("body", ENDS.values(), ids=ENDS.keys())
@pytest.mark.heavy
def test_it_is_started_again(folder: Any, body: str) -> None:
    """And the next process answers; nothing is kept of the one before."""
    folder.write(body)
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS)
    events = [numbered(number) for number in range(40)]
    for event in events:
        folder.until(lambda event=event: folder.answers(scripts, event))
    pids = folder.started
    assert 3 <= len(pids) == len(set(pids))
    assert not any(folder.is_alive(pid) for pid in pids[:-1])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("os.kill(os.getpid(), 9)", "ended by itself (by SIGKILL)"),
        ("sys.exit(3)", "ended by itself (status 3)"),
        ("sys.exit(0)", "ended by itself (status 0)"),
        ("print('yes', flush=True); time.sleep(9)", "printed 'yes', which is not JSON"),
        ("print('[]', flush=True); time.sleep(9)", "printed '[]', which names no event in 'id'"),
        (f"print('x' * {LONGEST_LINE_BYTES + 1}, flush=True)", "printed a line of over 1 MiB"),
        ("time.sleep(9)", "has answered nothing for 0.4 s"),
        (
            f"for n in range({MOST_STRAY + 1}): answer({{'id': 'x', 'access_type': ''}})\n"
            "time.sleep(9)",
            f"answered {MOST_STRAY + 1} times in a row what it was not asked",
        ),
    ],
)
@pytest.mark.heavy
def test_the_log_says_once_what_is_wrong(
    folder: Any, log_lines: LogLines, body: str, says: str
) -> None:
    """However often it is started again, with the time to the next start, and in the status."""
    folder.write(body)
    # Nothing else than what is wrong with it may be in the log, on a busy machine neither.
    seconds = SHORT_SECONDS if "nothing for" in says else LONG_SECONDS
    scripts = folder.scripts(timeout_seconds=seconds)
    scripts.start()
    pairs = ((numbered(number), numbered(number + 1)) for number in count(0, 2))
    folder.until(lambda: folder.answers(scripts, *next(pairs)) or len(folder.started) >= 3)
    (status,) = scripts.status
    assert says in status.failure
    found = [line for line in log_lines() if says in line]
    assert len(found) == 1
    assert found[0].startswith("script script.py ")
    assert found[0].endswith("the next start is in 0.1 s")


def test_the_log_says_when_it_answers_again(folder: Any, log_lines: LogLines) -> None:
    """Once; and the status has no failure any more."""
    folder.write("sys.exit(1)")
    scripts = folder.scripts()
    scripts.start()
    folder.until(lambda: any("ended by itself" in line for line in log_lines()))
    folder.write(ANSWER_ALL)
    folder.until(lambda: folder.answers(scripts, *map(numbered, range(20))))
    assert [line for line in log_lines() if "again" in line] == ["script script.py answers again"]
    assert scripts.status[0].failure == ""


def test_its_last_words_are_in_the_log(folder: Any, log_lines: LogLines) -> None:
    """With the line that says that it has ended; a line without an end counts."""
    folder.write("sys.stderr.write('one\\ntwo\\n\\x1b[31mno such\\tmodule'); sys.exit(1)")
    folder.scripts().start()
    folder.until(lambda: any("ended by itself" in line for line in log_lines()))
    (line,) = [line for line in log_lines() if "ended by itself" in line]
    assert "(status 1); it said: one; two; \\x1b[31mno such\\tmodule; the next" in line
    assert "script script.py: two" in log_lines()


def test_while_it_is_left_alone_questions_fail_at_once(folder: Any) -> None:
    """Nobody waits for a start that is far off."""
    folder.write("sys.exit(1)")
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS)
    scripts.start()

    def fail_before_it_is_started() -> bool:
        folder.ask(scripts, numbered(100))  # it has ended when this is answered
        started = len(folder.started)
        replies = [told.reply for told in folder.ask(scripts, *map(numbered, range(100)))]
        assert {reply.action for reply in replies} == {Action.FAILED}
        return len(folder.started) == started

    # A start is 0.1, 0.2, 0.4 ... seconds after the one before.
    folder.until(fail_before_it_is_started)


def test_an_answer_in_pieces_is_one(folder: Any) -> None:
    """A byte at a time, several in one write, with Windows line ends."""
    folder.write("""
def slowly(text):
    for byte in text.encode():
        os.write(1, bytes([byte]))

for number, event in enumerate(events()):
    said = json.dumps([event["id"], "write", None])
    slowly(json.dumps({"id": event["id"], "action": "reject", "msg": said}) + "\\r\\n")
""")
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS)
    events = [numbered(number) for number in range(20)]
    told = folder.ask(scripts, *events)
    assert [one.reply for one in told] == [right(event) for event in events]


def test_what_it_has_answered_before_its_end_counts(
    folder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although its end is seen before all of that was read."""
    monkeypatch.setattr("orly_policy_plugin.scripts.pipes._CHUNK_BYTES", 16)
    folder.write("""
asked = [json.loads(sys.stdin.readline()) for _ in range(4)]
for event in asked:
    answer(event)
sys.exit(0)
""")
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS)
    events = [numbered(number) for number in range(4)]
    told = folder.ask(scripts, *events)
    assert [one.reply for one in told] == [right(event) for event in events]


def test_a_line_of_1_mib_is_an_answer(folder: Any) -> None:
    """One byte more is none."""
    folder.write(f"""
for event in events():
    line = json.dumps({{"id": event["id"], "action": "reject", "msg": "no"}})
    print(line + " " * ({LONGEST_LINE_BYTES} + int(event["content"]) - len(line)), flush=True)
""")
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS)
    replies = [
        folder.ask(scripts, numbered(0, content=more))[0].reply.action for more in ("0", "1")
    ]
    assert replies == [Action.REJECT, Action.FAILED]


def test_a_late_answer_goes_to_nobody(folder: Any) -> None:
    """Not to the next question of its id, which is asked when the late answer has come."""
    folder.write("""
for count, event in enumerate(events()):
    while count == 0 and not os.path.exists("go"):
        time.sleep(0.001)
    answer(event)
""")
    scripts = folder.scripts(timeout_seconds=1.0)
    event = numbered(0)

    async def asking() -> None:
        first = await scripts.ask("script.py", event, "write", NOBODY, NOW)
        assert first.action is Action.FAILED
        second = scripts.ask("script.py", event, "read", by(BOB), NOW)
        third = scripts.ask("script.py", event, "write", by(ALICE), NOW)
        await asyncio.sleep(0.1)
        (folder.path / "go").touch()
        assert await second == right(event, "read", BOB)
        assert await third == right(event, "write", ALICE)

    asyncio.run(asking())
    assert len(folder.started) == 1


def test_a_late_answer_of_one_does_not_hold_up_others(folder: Any) -> None:
    """An id that is never answered is never asked again of that process; the rest goes on."""
    folder.write(to_each(f"event['id'] == '{numbered(0).id}' or answer(event)"))
    scripts = folder.scripts(timeout_seconds=1.0, longest_wait_seconds=1.0)
    told = folder.ask(scripts, *map(numbered, range(50)))
    failed = [one.reply.action is Action.FAILED for one in told]
    assert failed == [True] + [False] * 49
    told = folder.ask(scripts, numbered(0), numbered(0), *map(numbered, range(50, 90)))
    overloaded = [one.reply.action is Action.OVERLOADED for one in told]
    assert overloaded == [True] * 2 + [False] * 40
    assert len(folder.started) == 1


def test_answers_given_twice_at_once_go_to_nobody_else(folder: Any) -> None:
    """Although others have asked about the same event, and wait their turn."""
    folder.write("""
for event in events():
    said = json.dumps([event["id"], event["access_type"], event.get("logged_in_pubkey")])
    line = json.dumps({"id": event["id"], "action": "reject", "msg": said}) + "\\n"
    os.write(1, (line * 2).encode())
""")
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS)

    async def asking(event: AnEvent) -> None:
        asked = [("read", None), ("read", ALICE), ("write", ALICE), ("read", BOB)]
        told = await asyncio.gather(
            *(
                scripts.ask("script.py", event, access, by(key) if key else NOBODY, NOW)  # type: ignore[arg-type]
                for access, key in asked
            )
        )
        assert told == [right(event, access, key) for access, key in asked]

    for number in range(30):
        asyncio.run(asking(numbered(number, pubkey=ALICE)))


def test_answers_for_another_event_are_not_believed(folder: Any) -> None:
    """Whether the other is in flight or not: each gets what was said of its id."""
    folder.write("""
for event in events():
    for number in reversed(range(3)):
        answer({**event, "id": f"{number:064x}"}, msg=f"{number:064x} by " + event["id"])
""")
    scripts = folder.scripts(timeout_seconds=1.0)
    events = [numbered(number) for number in range(3)]
    for event, told in zip(events, folder.ask(scripts, *events), strict=True):
        assert told.reply.message.startswith(event.id)


@pytest.mark.parametrize("end", ["crash", "stop"])
def test_what_it_leaves_behind_is_ended(folder: Any, end: str) -> None:
    """A child that ignores SIGTERM and holds the pipes open."""
    folder.write(LEAVE_A_CHILD + after(1, "sys.exit(1)" if end == "crash" else "pass"))
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS)
    assert folder.answers(scripts)
    children = [int(line) for line in (folder.path / "children").read_text().splitlines()]
    if end == "stop":
        assert all(folder.is_alive(child) for child in children)
        scripts.stop()
    folder.until(lambda: not folder.is_alive(children[0]))
    scripts.stop()
    assert not folder.of_group(folder.started[0])


def test_a_child_that_goes_on_printing_does_not_delay_the_end(folder: Any) -> None:
    """The process itself has ended: what comes from others is no answer."""
    folder.write("""
if os.fork() == 0:
    while True:
        print('garbage', flush=True)
else:
    sys.exit(5)
""")
    scripts = folder.scripts()
    scripts.start()
    folder.until(lambda: len(folder.started) >= 3)
    folder.until(lambda: not folder.of_group(folder.started[0]))


@pytest.mark.parametrize("line_end", ["\\n", ""], ids=["lines", "no lines"])
def test_much_standard_error_is_no_trouble(
    folder: Any, log_lines: LogLines, line_end: str
) -> None:
    """100 MB of it: answers come, the log and the memory stay small."""
    folder.write(f"""
noise = ("x" * 99 + "{line_end}") * 10_000
for event in events():
    for _ in range(10):
        sys.stderr.write(noise)
    answer(event)
""")
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS)
    events = [numbered(number) for number in range(10)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = folder.ask(scripts, *events)
    scripts.stop()
    assert [one.reply for one in told] == [right(event) for event in events]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    assert 0 < len(log_lines()) <= 70
    assert max(map(len, log_lines())) < 600


def test_a_slow_one_answers_what_it_can(folder: Any) -> None:
    """One at a time comes in time; of several at once the later ones fail, and only they."""
    folder.write(to_each("time.sleep(0.6); answer(event)"))
    scripts = folder.scripts(timeout_seconds=1.0)
    folder.until(lambda: folder.answers(scripts, numbered(0)))
    events = [numbered(number) for number in range(1, 4)]
    first, *others = folder.ask(scripts, *events)
    assert first.reply in (right(events[0]), Reply.failed("no answer within 1 s"))
    for event, told in zip(events[1:], others, strict=True):
        assert told.reply == Reply.failed("no answer within 1 s") or told.reply == right(event)
        assert told.seconds < 1 + SLACK_SECONDS
    folder.until(lambda: folder.answers(scripts, numbered(9)))
    assert len(folder.started) == 1


def test_one_that_does_not_read_blocks_nobody(folder: Any) -> None:
    """The pipe is full: questions are given up in time, and the event loop goes on meanwhile."""
    folder.write("time.sleep(3600)")
    scripts = folder.scripts(timeout_seconds=1.0, longest_wait_seconds=1.0)
    longest = 0.0

    async def watched() -> None:
        nonlocal longest
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - began)

    events = [numbered(number, content="x" * 100_000) for number in range(100)]

    async def asking() -> list[Reply]:
        watching = asyncio.create_task(watched())
        asked = (scripts.ask("script.py", event, "write", NOBODY, NOW) for event in events)
        replies = await asyncio.gather(*asked)
        watching.cancel()
        return replies

    began = time.monotonic()
    replies = asyncio.run(asking())
    assert {reply.action for reply in replies} <= set(UNANSWERED)
    assert time.monotonic() - began < 2 + SLACK_SECONDS
    assert longest < 0.5


def test_large_events_go_through(folder: Any) -> None:
    """More than a pipe holds, to a script that reads and answers in turn."""
    folder.write(ANSWER_ALL)
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS)
    events = [numbered(number, content="é\n" * 200_000) for number in range(15)]
    told = folder.ask(scripts, *events)
    assert [one.reply for one in told] == [right(event) for event in events]


@pytest.mark.parametrize(
    ("first_lines", "mode", "says"),
    [
        ("#!/bin/cat\n", 0o644, "may not be executed by this user"),
        ("#!/no/such/interpreter\n", 0o755, "'/no/such/interpreter', which is not there"),
        ("", 0o755, "it is no program and does not begin with #!; let its first line"),
        (None, 0o755, "is not there"),
    ],
    ids=["mode", "interpreter", "no first line", "missing"],
)
def test_one_that_cannot_be_started_fails(
    folder: Any, log_lines: LogLines, first_lines: str | None, mode: int, says: str
) -> None:
    """With a line in the log; when the file is put right, it is started without much ado."""
    path = folder.path / "script.py"
    if first_lines is not None:
        path.write_text(first_lines)
        path.chmod(mode)
    scripts = folder.scripts(timeout_seconds=STARTING_SECONDS)
    (told,) = folder.ask(scripts, numbered(1))
    assert told.reply.action is Action.FAILED
    assert told.seconds < STARTING_SECONDS + SLACK_SECONDS
    folder.until(lambda: not folder.answers(scripts, numbered(2)))
    assert len([line for line in log_lines() if says in line]) == 1
    assert says in scripts.status[0].failure
    folder.write(ANSWER_ALL)
    folder.until(lambda: folder.answers(scripts, numbered(3)), 60)


def test_one_that_was_executable_when_it_was_named(folder: Any) -> None:
    """The mode is changed later, and back."""
    path = folder.write(after(1, "sys.exit(0)"))
    scripts = folder.scripts(timeout_seconds=STARTING_SECONDS)
    folder.until(lambda: folder.answers(scripts, numbered(0)))
    path.chmod(0o644)
    folder.until(lambda: not folder.answers(scripts, numbered(1)))
    folder.until(lambda: "executed" in scripts.status[0].failure)
    path.chmod(0o755)
    folder.until(lambda: folder.answers(scripts, numbered(2)), 60)


def test_what_finds_no_room_is_told_so_at_once(folder: Any, log_lines: LogLines) -> None:
    """Which is no failure of the script; the same question again needs no room."""
    folder.write("time.sleep(3600)")
    scripts = folder.scripts(timeout_seconds=1.0, most_questions=5)
    events = [numbered(number) for number in (0, 1, 2, 3, 4, 0, 1, 5, 6, 7)]
    told = folder.ask(scripts, *events)
    full = [one for one in told if one.reply == NO_ROOM]
    assert full == told[-3:]
    assert all(one.seconds < 0.5 for one in full)
    assert all(one.seconds >= 0.9 for one in told[:-3])
    assert len([line for line in log_lines() if "too many" in line]) == 1


def test_a_script_that_says_nothing_known_fills_no_log(folder: Any, log_lines: LogLines) -> None:
    """However differently it says it of each event."""
    folder.write(to_each("answer(event, action=event['id'][::-1])"))
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS)
    told = folder.ask(scripts, *map(numbered, range(200)))
    assert all("none of accept, reject" in one.reply.message for one in told)
    assert len(log_lines()) == 1
    assert "none of accept, reject" in log_lines()[0]


@pytest.mark.parametrize(
    "fields",
    [
        {"content": object()},
        {"created_at": b"now"},
        {"id": ["x"]},
        {"id": {"x": 1}},
    ],
    ids=shown,
)
def test_an_event_that_is_none_fails_alone(folder: Any, fields: dict[str, Any]) -> None:
    """Rejected at once, whatever the default; what is asked with it or after it is answered."""
    folder.write(ANSWER_ALL)
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS)
    broken = AnEvent(**{"id": "00" * 32, **fields})
    events = [numbered(1), broken, numbered(2), broken, numbered(3)]

    async def asking() -> list[Reply]:
        asked = (scripts.ask("script.py", event, "write", NOBODY, NOW) for event in events)
        return await asyncio.wait_for(asyncio.gather(*asked), LONG_SECONDS / 2)

    told = asyncio.run(asking())
    assert told[::2] == [right(event) for event in events[::2]]
    assert told[1::2] == [Reply(Action.REJECT, "error: the policy could not be evaluated")] * 2
    assert folder.answers(scripts, numbered(4))
    assert len(folder.started) == 1


def test_without_pidfds_it_is_the_same(folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has none, or forbids them: ends are looked for."""

    def forbidden(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "pidfd_open", forbidden)
    folder.write(LEAVE_A_CHILD + after(12, "sys.exit(0)"))
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS)
    for number in range(30):
        folder.until(lambda number=number: folder.answers(scripts, numbered(number)))
    assert len(folder.started) >= 3


@pytest.mark.heavy
def test_two_thousand_events_through_one_that_dies(folder: Any) -> None:
    """At random, every hundred answers: each gets its answer in the end, never another's."""
    folder.write("""
import random
for event in events():
    accepted = int(event["id"][-1], 16) % 2 == 0
    answer(event, action="accept" if accepted else "reject", msg=event["id"])
    if random.random() < 0.01:
        os.kill(os.getpid(), signal.SIGKILL)
""")
    scripts = folder.scripts(timeout_seconds=LONG_SECONDS, longest_wait_seconds=4 * LONG_SECONDS)

    async def asking() -> list[Reply]:
        room = asyncio.Semaphore(200)

        async def one(event: AnEvent) -> Reply:
            async with room:
                return await scripts.ask("script.py", event, "write", NOBODY, NOW)

        return await asyncio.gather(*(one(numbered(number)) for number in range(2_000)))

    for number, reply in enumerate(asyncio.run(asking())):
        rejected = Reply(Action.REJECT, numbered(number).id)
        assert reply == (rejected if number % 2 else ACCEPTED)
    assert len(folder.started) > 3
