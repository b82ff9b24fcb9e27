"""``orly-policy replay``."""

import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from depth import times
from websockets.sync.server import ServerConnection, serve

from orly_policy_hookspecs import Context, Decision
from orly_policy_hookspecs.nip01 import FrozenEvent
from orly_policy_plugin.cli.inputs import TOO_LARGE
from orly_policy_plugin.cli.replay.tally import Busiest
from orly_policy_plugin.desk.entries import Decided, dropped_entry, entry_of
from orly_policy_plugin.desk.erasing import erase

Write = Callable[[str, Any], Path]
Invoke = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]
MakeEvent = Callable[..., dict[str, Any]]

NOW = 1_700_000_000


@pytest.fixture
def stored(event: MakeEvent, bob: str) -> list[dict[str, Any]]:
    """Nine events: three short, three long, three of another kind by somebody else."""
    return [
        *(event(id=f"{i:064x}", content="x" * 5) for i in range(3)),
        *(event(id=f"{i:064x}", content="x" * 20, created_at=NOW + i) for i in range(3, 6)),
        *(event(id=f"{i:064x}", kind=7, pubkey=bob) for i in range(6, 9)),
    ]


@pytest.fixture
def lines(stored: list[dict[str, Any]], write: Write) -> str:
    """The same as a file of a line each."""
    write("events.jsonl", "".join(f"{json.dumps(each)}\n" for each in stored))
    return "events.jsonl"


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    made: dict[str, Any] = json.loads(result.stdout)
    return made


def test_what_would_be_refused_is_counted(write: Write, lines: str, invoke: Invoke) -> None:
    """By place, by kind and by author, writes and reads apart."""
    write("next.json", {"rules": {"1": {"content_limit": 10}, "7": {"privileged": True}}})
    made = told(invoke("replay", "next.json", lines, "--json"))
    assert (made["events"], made["against_version"]) == (9, None)
    writes, reads = made["answers"]["write"], made["answers"]["read"]
    assert (writes["asked"], writes["refused"]) == (9, 3)
    assert {place: each["refused"] for place, each in writes["places"].items()} == {
        "rules.1.content_limit": 3
    }
    assert (reads["refused"], reads["kinds"]["7"]["refused"]) == (6, 3)
    assert set(reads["places"]) == {"rules.1.content_limit", "rules.7.privileged"}


def test_authors_of_what_is_refused(
    write: Write, lines: str, invoke: Invoke, alice: str, bob: str
) -> None:
    """The one with most comes first."""
    write("next.json", {"default_policy": "deny"})
    made = told(invoke("replay", "next.json", lines, "--json", "--access", "write"))
    assert list(made["answers"]) == ["write"]
    assert made["answers"]["write"]["authors"] == [
        {"pubkey": alice, "refused": 6},
        {"pubkey": bob, "refused": 3},
    ]


def test_what_changes_against_the_policy_in_force(
    write: Write, lines: str, invoke: Invoke
) -> None:
    """What is newly refused, and what no longer, each with its place."""
    write("policy.json", {"rules": {"7": {"content_limit": 0}}})
    write("next.json", {"rules": {"1": {"content_limit": 10}}})
    made = told(invoke("replay", "next.json", lines, "--against", "policy.json", "--json"))[
        "answers"
    ]["write"]
    assert (made["refused"], made["newly"], made["no_longer"]) == (3, 3, 3)
    assert made["places"] == {
        "rules.1.content_limit": {"refused": 3, "newly": 3, "no_longer": 0},
        "rules.7.content_limit": {"refused": 0, "newly": 0, "no_longer": 3},
    }
    [example] = made["examples"]
    assert example["newly"] is True
    assert example["message"] == "blocked: content is 20 bytes, the limit for kind 1 is 10"
    assert example["steps"][-1]["place"] == example["place"] == "rules.1.content_limit"


def test_the_same_policy_changes_nothing(write: Write, lines: str, invoke: Invoke) -> None:
    """Whatever it refuses it refused before."""
    write("policy.json", {"rules": {"1": {"content_limit": 10}}})
    made = told(invoke("replay", "policy.json", lines, "--against", "policy.json", "--json"))
    writes = made["answers"]["write"]
    assert (writes["refused"], writes["newly"], writes["no_longer"]) == (3, 0, 0)


def test_a_table_for_people(write: Write, lines: str, invoke: Invoke) -> None:
    """Within 80 columns, with an explained example of each place."""
    write("policy.json", {})
    write("next.json", {"rules": {"1": {"content_limit": 10}}})
    result = invoke("replay", "next.json", lines, "--against", "policy.json", "--access", "write")
    assert result.exit_code == 0
    shown = result.stdout.splitlines()
    assert shown[0].startswith("9 events replayed; policy ")
    assert shown[2] == "writes: 3 would be refused (33.3 %); 3 newly, 0 no longer"
    assert "  rules.1.content_limit  3        3      0" in shown
    assert "reject: blocked: content is 20 bytes, the limit for kind 1 is 10" in shown
    assert max(map(len, shown)) <= 80
    assert "\x1b" not in result.stdout


def test_time_passes_as_it_did(write: Write, lines: str, invoke: Invoke) -> None:
    """Each event is decided when it was created; --now decides all at once."""
    write("next.json", {"rules": {"1": {"max_age_of_event": 60}}})
    first = told(invoke("replay", "next.json", lines, "--json"))["answers"]["write"]
    late = told(invoke("replay", "next.json", lines, "--json", "--now", str(NOW + 65)))
    assert first["refused"] == 0
    # three of 65 seconds, and those of 62, 61 and 60
    assert late["answers"]["write"]["refused"] == 5


def test_who_writes_and_who_reads(
    write: Write, lines: str, invoke: Invoke, alice: str, bob: str
) -> None:
    """The author and nobody, where nothing else is said."""
    write("next.json", {"global": {"write_allow": [alice], "read_allow": [bob]}})
    made = told(invoke("replay", "next.json", lines, "--json"))["answers"]
    assert (made["write"]["refused"], made["read"]["refused"]) == (3, 9)
    others = told(
        invoke("replay", "next.json", lines, "--json", "--writer", "nobody", "--reader", bob)
    )["answers"]
    assert (others["write"]["refused"], others["read"]["refused"]) == (9, 0)


def test_scripts_are_not_asked(write: Write, lines: str, invoke: Invoke) -> None:
    """What they have the last word on is counted apart."""
    write("ask", "#!/bin/sh\ntouch asked\n").chmod(0o700)
    write("next.json", {"rules": {"7": {"script": "ask"}}})
    made = told(invoke("replay", "next.json", lines, "--json"))["answers"]["write"]
    assert (made["refused"], made["left_to_scripts"]) == (0, 3)
    assert not Path("asked").exists()


def test_an_event_too_large_for_a_rate_is_refused(
    write: Write, lines: str, invoke: Invoke
) -> None:
    """Nothing else is charged."""
    write("next.json", {"rules": {"1": {"rate_limit": 35}}})
    made = told(invoke("replay", "next.json", lines, "--json"))["answers"]["write"]
    assert {place: each["refused"] for place, each in made["places"].items()} == {
        "rules.1.rate_limit": 3
    }


def test_standard_input_gzip_and_messages(
    write: Write, lines: str, invoke: Invoke, stored: list[dict[str, Any]]
) -> None:
    """What relays send, zipped, or through a pipe."""
    write("next.json", {})
    write("zipped", gzip.compress(Path(lines).read_bytes()))
    write("messages", "\n".join(json.dumps(["EVENT", "a", each]) for each in stored))
    text = Path(lines).read_text()
    made = told(invoke("replay", "next.json", "-", "zipped", "messages", "--json", stdin=text))
    assert made["events"] == 27


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "bad: there is no event in it"),
        ("\n\n", "bad: there is no event in it"),
        ("{}\n", "bad, line 1: the event has no id"),
        ("nonsense", "bad, line 1: this is not JSON: "),
        (b"\x7fELF\0\0\xff", "bad, line 1: this is a binary file, not JSON"),
        (gzip.compress(b"x" * 9999, mtime=0)[:-20], "bad, after line 0: the gzip file is damaged"),
        (None, "bad: No such file or directory"),
    ],
)
def test_what_is_no_event_is_told_and_the_rest_is_counted(
    content: str | bytes | None, says: str, write: Write, lines: str, invoke: Invoke
) -> None:
    """Exit 2, one line each."""
    write("next.json", {})
    if content is not None:
        write("bad", content)
    result = invoke("replay", "next.json", "bad", lines)
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert line.startswith(says)
    assert result.stdout.startswith("9 events replayed")


@pytest.fixture
def logged(event: MakeEvent) -> Callable[..., str]:
    """A refusal's line of a relay's decision log."""

    def logged(*erased: str, **members: Any) -> str:
        refused = Decided(
            at=NOW,
            access="write",
            event=FrozenEvent.of_json(event(**members)),
            context=Context(),
            decision=Decision.reject("blocked: no"),
            seconds=0.001,
            version="0123456789ab",
        )
        return json.dumps(erase(entry_of(refused), erased)) + "\n"

    return logged


def test_a_decision_log_is_events(
    write: Write, logged: Callable[..., str], invoke: Invoke
) -> None:
    """Each refusal's event is asked about again; that some are missing in the log is told."""
    write("next.json", {"rules": {"1": {"content_limit": 10}}})
    dropped = json.dumps(dropped_entry(NOW, 1_200)) + "\n"
    write("log.jsonl", logged(content="x" * 20) + dropped + logged("/input/event/sig"))
    result = invoke("replay", "next.json", "log.jsonl", "--access", "write", "--json")
    writes = told(result)["answers"]["write"]
    assert (writes["asked"], writes["refused"]) == (2, 1)
    assert "the decision log lacks 1,200 decisions" in result.stderr


@pytest.mark.parametrize(
    ("erased", "lacks"),
    [
        ("/input/event/content", "the event has no content"),
        ("/input/event/tags", "the event has no tags"),
        ("/input/event", "an event is a JSON object"),
    ],
)
def test_what_a_decision_log_has_erased_is_told(
    erased: str, lacks: str, write: Write, logged: Callable[..., str], invoke: Invoke
) -> None:
    """What is not whole is not asked about: the answer would be about another event."""
    write("next.json", {})
    write("log.jsonl", logged(erased) + logged())
    result = invoke("replay", "next.json", "log.jsonl")
    assert result.exit_code == 2
    assert result.stderr == f"log.jsonl, line 1: the log was told to erase {erased}: {lacks}\n"
    assert result.stdout.startswith("1 event replayed")


def test_many_bad_lines_are_counted(write: Write, invoke: Invoke) -> None:
    """Five are told."""
    write("next.json", {})
    write("bad", "{}\n" * 1000)
    result = invoke("replay", "next.json", "bad")
    assert len(result.stderr.splitlines()) == 6
    assert result.stderr.endswith("and 995 more lines that are no events\n")


def test_a_line_without_end_is_not_read_to_it(write: Write, lines: str, invoke: Invoke) -> None:
    """16 MiB are the most."""
    write("next.json", {})
    write("endless", b" " * (17 << 20))
    result = invoke("replay", "next.json", "endless", lines)
    assert (result.exit_code, result.stderr) == (2, f"endless, line 1: {TOO_LARGE}\n")


@pytest.mark.parametrize(
    ("policy", "status", "says"),
    [
        ("missing", 2, "missing"),
        ('{"rulse": {}}', 1, "next.json: rulse: unknown key"),
        ("{", 1, "next.json: this is not JSON"),
    ],
)
def test_a_policy_that_cannot_be_used(
    policy: str, status: int, says: str, write: Write, lines: str, invoke: Invoke
) -> None:
    """Told before any event is read."""
    if policy != "missing":
        write("next.json", policy)
    result = invoke("replay", "next.json" if policy != "missing" else "missing", lines)
    assert (result.exit_code, result.stdout) == (status, "")
    assert says in result.stderr


@pytest.mark.parametrize("arguments", [(), ("--url", "https://relay.example"), ("--url", "x")])
def test_a_wrong_call(arguments: tuple[str, ...], write: Write, invoke: Invoke) -> None:
    """There is nothing to replay."""
    write("next.json", {})
    result = invoke("replay", "next.json", *arguments)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr


def test_a_database_of_nostr_relay(
    write: Write, folder: Path, stored: list[dict[str, Any]], invoke: Invoke
) -> None:
    """Its SQLite file is read as it is, and stays so."""
    pytest.importorskip("nostr_relay")
    with sqlite3.connect(folder / "nostr.sqlite3") as database:
        database.execute(
            "CREATE TABLE events (id BLOB PRIMARY KEY, created_at INT, kind INT, pubkey BLOB, "
            "tags TEXT, sig BLOB, content TEXT)"
        )
        for each in stored:
            database.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    bytes.fromhex(each["id"]),
                    each["created_at"],
                    each["kind"],
                    bytes.fromhex(each["pubkey"]),
                    json.dumps(each["tags"]),
                    bytes.fromhex(each["sig"]),
                    each["content"],
                ),
            )
    database.close()
    before = (folder / "nostr.sqlite3").read_bytes()
    url = f"sqlite+aiosqlite:///{folder / 'nostr.sqlite3'}"
    write("relay.yaml", f"storage:\n  sqlalchemy.url: {url}\n")
    write("next.json", {"rules": {"1": {"content_limit": 10}}})
    made = told(invoke("replay", "next.json", "--relay-config", "relay.yaml", "--json"))
    assert (made["events"], made["answers"]["write"]["refused"]) == (9, 3)
    assert (folder / "nostr.sqlite3").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == [
        "next.json",
        "nostr.sqlite3",
        "relay.yaml",
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "relay.yaml: No such file or directory"),
        ("[", "relay.yaml: this is not YAML"),
        ("a: 1", "relay.yaml: there is no section 'storage'"),
        ("storage: {}", "relay.yaml: storage names neither"),
        (
            "storage:\n  sqlalchemy.url: sqlite+aiosqlite:///missing.db",
            "missing.db (of relay.yaml): ",
        ),
    ],
)
def test_a_configuration_that_names_no_database(
    content: str | None, says: str, write: Write, invoke: Invoke
) -> None:
    """Exit 2, one line."""
    pytest.importorskip("nostr_relay")
    write("next.json", {})
    if content is not None:
        write("relay.yaml", content)
    result = invoke("replay", "next.json", "--relay-config", "relay.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert line.startswith(says)


def test_a_database_of_lmdb(
    write: Write, folder: Path, stored: list[dict[str, Any]], invoke: Invoke
) -> None:
    """Of nostr-relay's LMDB storage, beside which a relay may run."""
    pytest.importorskip("nostr_relay")
    lmdb = pytest.importorskip("lmdb")
    import asyncio

    from orly_policy_hookspecs.nip01 import FrozenEvent
    from orly_policy_plugin.hosts.nostr_relay.lmdb import LMDBStore

    async def store() -> None:
        with lmdb.open(str(folder / "nostr.lmdb"), map_size=1 << 24) as environment:
            of_relay = LMDBStore(environment, ())
            for each in stored:
                await of_relay.add(FrozenEvent.of_json(each))
            await of_relay.close()

    asyncio.run(store())
    write(
        "relay.yaml", "storage:\n  class: nostr_relay.storage.kv.LMDBStorage\n  path: nostr.lmdb\n"
    )
    write("next.json", {"rules": {"1": {"content_limit": 10}}})
    made = told(invoke("replay", "next.json", "--relay-config", "relay.yaml", "--json"))
    assert (made["events"], made["answers"]["write"]["refused"]) == (9, 3)


@contextmanager
def relay(events: list[dict[str, Any]], refusal: str = "") -> Iterator[str]:
    """A relay that answers REQs, at most four events each, and its URL."""

    def answer(socket: ServerConnection) -> None:
        for text in socket:
            message = json.loads(text)
            if message[0] != "REQ":
                continue
            if refusal:
                socket.send(json.dumps(["CLOSED", message[1], refusal]))
                continue
            wanted = message[2]
            found = sorted(events, key=lambda each: (-each["created_at"], each["id"]))
            until = wanted.get("until", 2**62)
            matching = [each for each in found if each["created_at"] <= until]
            for each in matching[: min(4, wanted["limit"])]:
                socket.send(json.dumps(["EVENT", message[1], each]))
            socket.send(json.dumps(["EOSE", message[1]]))

    with serve(answer, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_relay_over_the_network(
    write: Write, stored: list[dict[str, Any]], invoke: Invoke
) -> None:
    """Page by page, each event once."""
    spread = [{**each, "created_at": NOW + i} for i, each in enumerate(stored)]
    write("next.json", {"rules": {"1": {"content_limit": 10}}})
    with relay(spread) as url:
        made = told(invoke("replay", "next.json", "--url", url, "--json"))
    assert (made["events"], made["answers"]["write"]["refused"]) == (9, 3)


def test_a_relay_that_does_not_answer(write: Write, invoke: Invoke) -> None:
    """Exit 2, with its reason or with the system's."""
    write("next.json", {})
    with relay([], "auth-required: members only") as url:
        refused = invoke("replay", "next.json", "--url", url)
    gone = invoke("replay", "next.json", "--url", url)
    assert (refused.exit_code, gone.exit_code) == (2, 2)
    assert "it does not answer: auth-required: members only" in refused.stderr
    assert len(gone.stderr.splitlines()) == 1


def test_authors_are_counted_in_little_memory() -> None:
    """Where there are very many, those with few refusals are forgotten."""
    counted = Busiest()
    for i in range(100_000):
        counted.add(f"{i}")
        if not i % 10:
            counted.add("busy")
    assert counted.first(1) == [("busy", 10_000)]
    assert not counted.is_exact
    assert len(counted._counts) <= 20_000


@pytest.mark.heavy
def test_a_closed_pipe_and_a_bar_only_on_a_terminal(
    write: Write, lines: str, folder: Path, command: list[str]
) -> None:
    """``| head`` ends it quietly, and nothing but problems is on standard error."""
    write("next.json", {"default_policy": "deny"})
    done = subprocess.run(
        ["sh", "-c", f"{' '.join(command)} replay next.json {lines} | head -n 1"],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "80"},
    )
    assert (done.stdout.count("\n"), done.stderr) == (1, "")


def test_ctrl_c_ends_it_quietly(write: Write, folder: Path, command: list[str]) -> None:
    """Exit 130 in the middle of a file that goes on."""
    write("next.json", {})
    os.mkfifo(folder / "events")
    with (
        subprocess.Popen(
            [*command, "replay", "next.json", "events"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process,
        (folder / "events").open("wb"),
    ):  # returns once the command has opened it to read
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.strip()) == (130, b"", b"")


KEEPS_STATUS = """
import atexit, pathlib
from orly_policy_plugin.cli import main
status = pathlib.Path("/proc/self/status")
atexit.register(lambda: pathlib.Path("status").write_text(status.read_text()))
main()
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system has no /proc")
@pytest.mark.heavy
def test_events_stream_through(write: Write, event: MakeEvent, folder: Path) -> None:
    """Many take no more memory than few: under 150 MB, the program itself included."""
    write("next.json", {"default_policy": "deny", "rules": {"1": {"content_limit": 10}}})
    of_one = json.dumps(event(content="x" * 1000))
    for name, number in (("few", 1_000), ("many", times(25_000, 60_000))):
        with (folder / name).open("w") as file:
            for i in range(number):
                file.write(of_one.replace("a1" * 32, f"{i:064x}") + "\n")
    few, many = (_most_memory_kib(folder, name) for name in ("few", "many"))
    assert many < few + 20_000
    assert many < 150_000


def _most_memory_kib(folder: Path, events: str) -> int:
    """Of the program alone: what a parent is told counts what it was forked from."""
    subprocess.run(
        [sys.executable, "-c", KEEPS_STATUS, "replay", "next.json", events, "--json"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        timeout=60,
        check=True,
    )
    [line] = [each for each in (folder / "status").read_text().splitlines() if "VmHWM" in each]
    return int(line.split()[1])
