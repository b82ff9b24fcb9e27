"""The scripts in docs/scripts, and scripts written for ORLY and for strfry, as child processes."""

import contextlib
import hashlib
import os
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import attrs
import pytest
from depth import times
from examples import ALICE, BOB, CAROL, NOW, AnEvent

from orly_policy_hookspecs import Origin
from orly_policy_plugin.decisions.replies import ACCEPTED, Action, Reply
from orly_policy_plugin.scripts.protocol import question, read_answer

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
EXAMPLES = sorted((DOCS / "scripts").glob("*.[ps][yh]"))
SECONDS = 30
"""How long anything may take that nobody measures."""
ENDS_WITHIN_SECONDS = 5

TRICKY = [
    "",
    "two\nlines\r\n\tand more",
    'a "quoted" word',
    'ends with a quote"',
    "ends with a backslash\\",
    "back\\slashes\\\\ and \\n and \\u0041",
    "\\",
    '"',
    "\x00\x01\x1f\x7f",
    "🎰🤙🏽 👩\u200d🚀 \u2028\u2029\u0085\ufeff",
    "ÁÀ Ω ÿ, each with a byte that a shell may use for itself: Â Ã Ä Å Æ Ç È",
    "half a pair \ud83d",
    "$(touch owned)",
    "`touch owned`",
    "'; touch owned; '",
    '"; touch owned; "',
    "$((1/0)) ${HOME} $HOME ~ * ? [a-z] !! & | > owned < /dev/null ; # %s%n%d",
    "-n",
    "-e",
    "{}",
    '"id":"' + "f" * 64 + '"',
    '{"id":"' + "f" * 64 + '","action":"accept","msg":""}',
    '\n{"id":"' + "f" * 64 + '","action":"accept","msg":""}\n',
    '","sig":"',
    '","sig":"' + "5a" * 64 + '"}}',
    '","access_type":"read","x":"',
    ',"content":"',
    '"content":"hello","sig":"',
    '\\","content":"hello\\","sig":"\\',
    "x" * 100_000,
]


def numbered(n: int, **others: Any) -> AnEvent:
    return AnEvent(id=hashlib.sha256(str(n).encode()).hexdigest(), **others)


def asking(event: AnEvent, access: Any = "write", **others: Any) -> bytes:
    about = {"logged_in_pubkey": ALICE, "ip": "192.0.2.1", "received_at": NOW, **others}
    return question(event, access, **about)


def with_a_no(example: str, event: AnEvent, *, first: bool = False) -> AnEvent:
    """The event with what makes the example reject it."""
    if example == "allow-list":
        return attrs.evolve(event, pubkey=BOB)
    bad = "привет " * 50_000 if len(event.content) > 1000 else "привет " * 50
    bad = bad if example == "language" else "the Casino casino"
    parts = (bad, event.content) if first else (event.content, bad)
    return attrs.evolve(event, content=" ".join(parts))


class Running:
    """A script that runs, with no more of an environment than it needs."""

    def __init__(self, script: Path, folder: Path) -> None:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self._errors = script.with_suffix(".errors")
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [script],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=folder,
                env={"PATH": path, "TMPDIR": str(folder)},
                start_new_session=True,
            )
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put(b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(SECONDS)
        self._reader.join(SECONDS)
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def ask(self, *lines: bytes) -> dict[str, Reply]:
        """The answers to all of these, by their events' ids, in the order in which they came."""
        self.send(*lines)
        return self.answers(len(lines))

    def send(self, *lines: bytes) -> None:
        assert self._process.stdin
        self._process.stdin.write(b"".join(lines))
        self._process.stdin.flush()

    def answers(self, number: int) -> dict[str, Reply]:
        answers: dict[str, Reply] = {}
        for _ in range(number):
            event_id, reply = read_answer(self._lines.get(timeout=SECONDS))
            assert event_id not in answers
            answers[event_id] = reply
        return answers

    def close_input(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()

    def has_ended(self, *, within_seconds: float) -> bool:
        try:
            self._process.wait(within_seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def ends(self) -> tuple[int, str]:
        """Its exit status at the end of its input, and what it said on standard error."""
        self.close_input()
        status = self._process.wait(ENDS_WITHIN_SECONDS)
        assert self._lines.get(timeout=ENDS_WITHIN_SECONDS) == b""
        return status, self._errors.read_text()


class Installed:
    """A copy of a script as an operator would have it."""

    def __init__(self, original: Path, place: Path) -> None:
        self.example = original.stem
        (place / "scripts").mkdir()
        self.path = Path(shutil.copy(original, place / "scripts"))
        self.list = self.path.with_name("allow-list.txt")
        self.list.write_text(f"{ALICE}\n")
        self.folder = place / "work"
        self.folder.mkdir()

    def start(self) -> Running:
        return Running(self.path, self.folder)

    def edit(self, changes: dict[str, str]) -> None:
        """Replace what stands in it exactly once."""
        text = self.path.read_text()
        for old, new in changes.items():
            assert text.count(old) == 1
            text = text.replace(old, new)
        self.path.write_text(text)


Install = Callable[[Path], Installed]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    return lambda original: Installed(original, tmp_path)


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.name)
def script(request: pytest.FixtureRequest, install: Install) -> Installed:
    """Each of the examples."""
    return install(request.param)


def examples(name: str) -> pytest.MarkDecorator:
    """For a test of one subject, in each language."""
    paths = [path for path in EXAMPLES if path.stem == name]
    return pytest.mark.parametrize("script", paths, ids=lambda path: path.name, indirect=True)


def no_with_a_message(reply: Reply) -> bool:
    with_reason = re.match(r"(blocked|restricted): \w", reply.message)
    return reply.action is Action.REJECT and with_reason is not None


def test_every_subject_is_there_in_both_languages() -> None:
    """Each example is written in Python and for the shell, and can be run as it is."""
    subjects = ("allow-list", "language", "spam-words", "webhook")
    assert [path.name for path in EXAMPLES] == [
        f"{subject}.{ending}" for subject in subjects for ending in ("py", "sh")
    ]
    assert all(os.access(path, os.X_OK) for path in EXAMPLES)


def test_the_docs_name_every_example() -> None:
    """docs/scripts.md leads to each example."""
    page = (DOCS / "scripts.md").read_text()
    assert all(f"](scripts/{path.name})" in page for path in EXAMPLES)


def test_accepts_and_rejects(script: Installed) -> None:
    """Each line is answered as it comes, with accept or with reject and a reason."""
    good = numbered(1)
    bad = with_a_no(script.example, numbered(2))
    with script.start() as running:
        assert running.ask(asking(good)) == {good.id: ACCEPTED}
        (answer,) = running.ask(asking(bad)).items()
        assert answer[0] == bad.id
        assert no_with_a_message(answer[1])
        assert running.ask(asking(good, "read")) == {good.id: ACCEPTED}
        assert running.ends() == (0, "")


@pytest.mark.heavy
def test_no_content_confuses_it(script: Installed) -> None:
    """Whatever a note contains, the answer is to its own id, and right, and nothing is run."""
    expected: dict[str, tuple[bool, str]] = {}
    lines = []
    for n, text in enumerate(TRICKY):
        tags = [["t", text], ["content", text], [text, "sig", text]]
        good, other, another = (numbered(3 * n + i, content=text, tags=tags) for i in range(3))
        before = with_a_no(script.example, other)
        after = with_a_no(script.example, another, first=True)
        expected |= {good.id: (True, text), before.id: (False, text), after.id: (False, text)}
        lines += map(asking, (good, before, after))
    with script.start() as running:
        answers = running.ask(*lines)
        assert set(answers) == set(expected)
        for event_id, (accepted, text) in expected.items():
            reply = answers[event_id]
            assert reply == ACCEPTED if accepted else no_with_a_message(reply), text
        assert running.ends() == (0, "")
    assert not list(script.folder.iterdir())


@pytest.mark.heavy
def test_many_at_once(script: Installed) -> None:
    """Of many events in one go each gets exactly one answer, which is its own."""
    chance = random.Random(1)
    count = times(60, 200)
    events = [numbered(n, content=chance.choice(TRICKY[:-1])) for n in range(count)]
    bad = {event.id for event in events if chance.random() < 0.3}
    events = [with_a_no(script.example, event) if event.id in bad else event for event in events]
    with script.start() as running:
        answers = running.ask(*map(asking, events))
        assert set(answers) == {event.id for event in events}
        assert {each for each, reply in answers.items() if reply != ACCEPTED} == bad
        assert running.ends() == (0, "")


def test_ends_without_having_been_asked(script: Installed) -> None:
    """A script that was never asked anything ends at the end of its input too."""
    with script.start() as running:
        assert running.ends() == (0, "")


def test_whoever_asks(script: Installed) -> None:
    """An example answers the same with and without somebody logged in, whatever the address."""
    about = [
        {"access": access, "logged_in_pubkey": logged_in, "ip": ip, "origin": origin}
        for access in ("read", "write")
        for logged_in in (None, BOB)
        for ip in ("", "2001:db8::1")
        for origin in Origin
    ]
    lines = [asking(numbered(n), **each) for n, each in enumerate(about)]
    with script.start() as running:
        assert set(running.ask(*lines).values()) == {ACCEPTED}
        assert running.ends() == (0, "")


@examples("spam-words")
@pytest.mark.parametrize("content", ["CASINO", "supercasinos", "x\ncasino\ny", "Free Bitcoin 🎁"])
def test_spam_words(script: Installed, content: str) -> None:
    """A word counts in capitals, inside a longer word, and at the end of a line."""
    event = numbered(1, content=content)
    with script.start() as running:
        assert no_with_a_message(running.ask(asking(event))[event.id])


@examples("spam-words")
def test_spam_words_are_those_of_the_content(script: Installed) -> None:
    """A word in a tag or in pieces is none."""
    event = numbered(
        1, content="cas ino", tags=[["t", "casino"], ["casino", '","content":"casino']]
    )
    with script.start() as running:
        assert running.ask(asking(event)) == {event.id: ACCEPTED}


@examples("spam-words")
@pytest.mark.parametrize(
    ("word", "content"),
    [("nice", "cold as\nice"), ("sig", "hello"), ("5a5a", "hello"), (": ", ":")],
)
def test_spam_words_are_not_those_of_json(script: Installed, word: str, content: str) -> None:
    """A word is not found in escapes, in keys or in other fields."""
    script.edit({"casino": word})
    event = numbered(1, content=content)
    with script.start() as running:
        assert running.ask(asking(event)) == {event.id: ACCEPTED}


@examples("language")
@pytest.mark.parametrize(
    ("content", "accepted"),
    [
        ("", True),
        ("123 🤙🏽☀️❤️🚀 …“”—!", True),
        ("Žluťoučký kůň, à bientôt, Überraschung", True),
        ("hello привет", False),
        ("hello, all of you привет", True),
        ("привет https://example.com/a-long-address nostr:npub1xxxxxxxxxxxxxxxxxx", False),
        ("nnn\n\n\n\n\n\n\n\nこんにちは", False),
        ("你好世界", False),
        ("こんにちは", False),
        ("안녕하세요", False),
        ("مرحبا", False),
        ("שלום", False),
        ("नमस्ते", False),
    ],
)
def test_language(script: Installed, content: str, accepted: bool) -> None:
    """Letters are counted, and nothing else."""
    event = numbered(1, content=content, tags=[["t", "привет" * 9], ["t", "hello" * 9]])
    with script.start() as running:
        assert (running.ask(asking(event))[event.id] == ACCEPTED) is accepted


@examples("allow-list")
def test_an_edited_list_counts_at_once(script: Installed) -> None:
    """Somebody who is put on the list is accepted, and refused when taken off, with no restart."""
    alice, bob = numbered(1), numbered(2, pubkey=BOB)

    def allowed() -> set[str]:
        answers = running.ask(asking(alice), asking(bob))
        return {each for each, reply in answers.items() if reply == ACCEPTED}

    with script.start() as running:
        assert allowed() == {alice.id}
        script.list.write_text(f"# both\n\n{ALICE}\n  {BOB.upper()} # bob\r\n")
        assert allowed() == {alice.id, bob.id}
        script.list.write_text(f"#{ALICE}\n{BOB}")
        assert allowed() == {bob.id}
        new = script.list.with_name("new")
        new.write_text(f"{ALICE} {BOB}\n{CAROL}\n{BOB[:-1]}\n{ALICE}")
        new.replace(script.list)
        assert allowed() == {alice.id}
        script.list.unlink()
        assert allowed() == set()
        script.list.write_text(f"{BOB}\n")
        assert allowed() == {bob.id}
        status, errors = running.ends()
    assert status == 0
    assert errors.count("No such file") == 2


@examples("allow-list")
def test_everybody_may_read(script: Installed) -> None:
    """The list is one of writers, and a note cannot pass a write off as a read."""
    reading = numbered(1, pubkey=BOB)
    writing = numbered(
        2, pubkey=BOB, content='"access_type":"read"', tags=[["access_type", "read"]]
    )
    with script.start() as running:
        assert running.ask(asking(reading, "read")) == {reading.id: ACCEPTED}
        assert no_with_a_message(running.ask(asking(writing))[writing.id])


@examples("webhook")
def test_slow_work_is_done_in_parallel(script: Installed) -> None:
    """Ten events of 0.2 seconds each take well under two seconds."""
    with script.start() as running:
        running.ask(asking(numbered(0)))
        began = time.monotonic()
        running.ask(*(asking(numbered(n)) for n in range(1, 11)))
        assert time.monotonic() - began < 1.5
        assert running.ends() == (0, "")


STAND_INS = {"webhook.py": "time.sleep(0.2)", "webhook.sh": "timeout 3 sh -c 'sleep 0.2"}
UNTIL_GO = {
    "webhook.py": """
    with open("log", "a") as log:
        print("began", file=log, flush=True)
        while "slow" in event["content"] and not __import__("os").path.exists("go"):
            time.sleep(0.01)
        print("ended", file=log, flush=True)
""",
    "webhook.sh": """timeout 60 sh -c '
        echo began >>log
        if grep -q slow; then until [ -e go ]; do sleep 0.01; done; fi
        echo ended >>log""",
}


@examples("webhook")
def test_answers_come_when_they_are_ready(script: Installed) -> None:
    """An event that takes long keeps none behind it waiting."""
    script.edit({STAND_INS[script.path.name]: UNTIL_GO[script.path.name]})
    slow = numbered(0, content="slow")
    quick = [numbered(n) for n in range(1, 6)]
    with script.start() as running:
        running.send(*map(asking, [slow, *quick]))
        assert set(running.answers(5)) == {event.id for event in quick}
        (script.folder / "go").touch()
        assert running.answers(1) == {slow.id: ACCEPTED}
        assert running.ends() == (0, "")


@examples("webhook")
def test_the_work_in_parallel_is_bounded(script: Installed) -> None:
    """Of 50 events 20 are in work at once, and the others wait until one of these is done."""
    script.edit({STAND_INS[script.path.name]: UNTIL_GO[script.path.name]})
    log = script.folder / "log"
    log.touch()
    deadline = time.monotonic() + SECONDS
    with script.start() as running:
        running.send(*(asking(numbered(n, content="slow")) for n in range(50)))
        while len(log.read_text().splitlines()) < 20:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (script.folder / "go").touch()
        assert set(running.answers(50).values()) == {ACCEPTED}
        assert running.ends() == (0, "")
    at_once = most = 0
    for line in log.read_text().splitlines():
        at_once += 1 if line == "began" else -1
        most = max(most, at_once)
    assert (at_once, most) == (0, 20)


@examples("webhook")
def test_what_is_in_work_at_the_end_is_answered(script: Installed) -> None:
    """At the end of its input it gives the answers that are due, and ends after them."""
    script.edit({STAND_INS[script.path.name]: UNTIL_GO[script.path.name]})
    events = [numbered(n, content="slow") for n in range(30)]
    with script.start() as running:
        running.send(*map(asking, events))
        running.close_input()
        assert not running.has_ended(within_seconds=0.3)
        (script.folder / "go").touch()
        assert set(running.answers(30)) == {event.id for event in events}
        assert running.ends() == (0, "")


@examples("webhook")
def test_the_slow_thing_gets_the_whole_line(script: Installed) -> None:
    """What the service is asked about is what the relay asked about."""
    seen = {
        "webhook.py": 'open("seen", "w").write(event["content"])',
        "webhook.sh": "timeout 3 sh -c 'cat >seen",
    }
    script.edit({STAND_INS[script.path.name]: seen[script.path.name]})
    event = numbered(0, content=TRICKY[5])
    with script.start() as running:
        running.ask(asking(event))
    text = (script.folder / "seen").read_text()
    assert text == (asking(event).decode() if script.path.suffix == ".sh" else event.content)


@examples("webhook")
def test_no_answer_of_the_service_is_a_no(script: Installed) -> None:
    """Where the slow thing breaks its time-out, the event is rejected and the script goes on."""
    late = {"webhook.py": "raise TimeoutError", "webhook.sh": "timeout 0.1 sh -c 'sleep 60"}
    script.edit({STAND_INS[script.path.name]: late[script.path.name]})
    with script.start() as running:
        for n in range(25):
            event = numbered(n)
            reply = running.ask(asking(event))[event.id]
            assert reply.action is Action.REJECT
            assert reply.message
        assert running.ends()[0] == 0


def no(message: str) -> Reply:
    return Reply(Action.REJECT, message)


SHADOWED = Reply(Action.SHADOW_REJECT)
PNG = AnEvent(kind=1063, tags=[["m", "image/png"], ["x", "ab" * 32]], content="a picture ☀")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (asking(PNG), ACCEPTED),
        (asking(PNG, logged_in_pubkey=BOB), no("only the author may publish this")),
        (asking(PNG, logged_in_pubkey=None), no("only the author may publish this")),
        (asking(PNG, "read", logged_in_pubkey=None), ACCEPTED),
        (asking(PNG, ip="203.0.113.9"), SHADOWED),
        (asking(attrs.evolve(PNG, tags=[])), no("small PNG files only")),
        (asking(attrs.evolve(PNG, content="x" * 1001)), no("small PNG files only")),
    ],
)
def test_a_script_for_orly_runs_unchanged(install: Install, line: bytes, expected: Reply) -> None:
    """It finds the event's fields, who asks, from where and what for at the top level."""
    with install(HERE / "orly-style.py").start() as running:
        assert running.ask(line) == {PNG.id: expected}
        assert running.ends() == (0, "")


OLD = AnEvent(created_at=NOW - 4000)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (asking(AnEvent()), ACCEPTED),
        (asking(AnEvent(), "read"), ACCEPTED),
        (asking(OLD), no("blocked: this is old")),
        (asking(OLD, "read"), no("blocked: this is old")),
        (asking(OLD, received_at=NOW - 4000), ACCEPTED),
        (asking(OLD, origin=Origin.SYNC), ACCEPTED),
        (asking(OLD, origin=Origin.IMPORT), ACCEPTED),
        (asking(AnEvent(), ip="203.0.113.5"), SHADOWED),
        (asking(AnEvent(), ip="2001:db8::5"), SHADOWED),
    ],
)
def test_a_write_policy_for_strfry_runs_unchanged(
    install: Install, line: bytes, expected: Reply
) -> None:
    """It finds the event under its key, when it came and where from, and may leave msg out."""
    with install(HERE / "strfry-style.py").start() as running:
        assert running.ask(line) == {AnEvent().id: expected}
        assert running.ends() == (0, "")


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_a_write_policy_for_strfry_in_javascript_runs_unchanged(install: Install) -> None:
    """Most of strfry's are for Node."""
    listed, other = numbered(1, pubkey="c0de" * 16), numbered(2, content=TRICKY[22])
    with install(HERE / "strfry-style.js").start() as running:
        assert running.ask(asking(listed), asking(other)) == {
            listed.id: ACCEPTED,
            other.id: no("blocked: not on white-list"),
        }
        assert running.ends() == (0, "")
