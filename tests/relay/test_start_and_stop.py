"""How the relay starts, refuses to start, and stops."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from forks import Fork, completed, without_override
from websockets.sync.server import ServerConnection, serve

from .client import asynchronous, connected
from .process import ROOT, SECONDS, Relay
from .signing import Key


def unreadable(path: Path) -> None:
    path.write_text("{}")
    path.chmod(0)


SEVERAL_MISTAKES = """{
  "rules": {"1": {"size_limit": -1, "content_limt": 5}, "x": {}},
  "kind": {"whitelist": [70000]},
  "default_policy": "maybe"
}"""

WRONG_FILES: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "missing": (Path.exists, ("is not there",)),
    "empty": (lambda path: path.write_text(""), ("empty",)),
    "half-written": (lambda path: path.write_text('{"rules": {"1": {'), ("not JSON",)),
    "wrong": (
        lambda path: path.write_text(SEVERAL_MISTAKES),
        (
            "rules.1.size_limit: ",
            "rules.1.content_limt: ",
            "rules.x: ",
            "kind.whitelist[0]: ",
            "default_policy: ",
            "did you mean",
        ),
    ),
    "no object": (lambda path: path.write_text("[]"), ("object",)),
    "directory": (Path.mkdir, ("is a directory",)),
    "binary": (lambda path: path.write_bytes(bytes(range(256)) * 20), ("binary",)),
    "symlink loop": (lambda path: path.symlink_to(path.name), ("leads back to itself",)),
    "dangling symlink": (lambda path: path.symlink_to("nowhere"), ("symlink to nowhere",)),
    "pipe": (os.mkfifo, ("no ordinary file",)),
    "no permission": (unreadable, ("may not be read",)),
    "script": (lambda path: path.write_text('{"rules":{"1":{"script":"a"}}}'), ("is not there",)),
}


@attrs.frozen
class Ending:
    """How a process ended that should not have started."""

    code: int
    stdout: str
    stderr: str


@pytest.fixture(scope="module")
def endings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ending]]:
    """All wrong files, tried at the same time."""
    relays = {}
    try:
        for name, (make, _) in WRONG_FILES.items():
            folder = tmp_path_factory.mktemp(name.replace(" ", "-"))
            make(folder / "policy.json")
            relays[name] = Relay(folder, folder / "policy.json")
            relays[name].launch(preexec_fn=without_override)
        yield {n: Ending(r.wait(), r.stdout, r.stderr) for n, r in relays.items()}
    finally:
        for relay in relays.values():
            relay.kill()


@pytest.mark.parametrize("name", WRONG_FILES)
def test_wrong_policy_stops_the_start(endings: dict[str, Ending], name: str) -> None:
    """Exit code 1, every problem on standard error, no traceback, no address."""
    ending = endings[name]
    assert ending.code == 1, ending
    assert "Traceback" not in ending.stderr
    assert ending.stderr.startswith("the relay does not start:\n")
    assert ending.stdout == ""
    for problem in WRONG_FILES[name][1]:
        assert problem in ending.stderr


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ending]:
    """Run the example relay with these options to its end."""

    def run(*options: str) -> Ending:
        folder = tmp_path_factory.mktemp("run")
        out, err = folder / "out", folder / "err"
        fork = Fork(
            "example_relay",
            options,
            cwd=ROOT,
            env=os.environ,
            stdout=out,
            stderr=err,
            preexec_fn=without_override,
        )
        return Ending(fork.wait(SECONDS), out.read_text(), err.read_text())

    return run


@pytest.mark.parametrize(
    "named",
    [
        "mysql://u:s3cret@h/d",
        "postgresql+psycopg://u:s3cret@h/d",
        "postgresql:s3cret",
        "postgresql://u:s3cret@h:x/d",
    ],
)
def test_a_database_that_is_none_of_postgresql_is_one_line(
    run: Callable[..., Ending], named: str
) -> None:
    """Without what may be its password."""
    ending = run("--port", "0", "--database", named)
    assert (ending.code, ending.stdout) == (2, "")
    assert ending.stderr == (
        "Error: Invalid value for '--database': postgresql://user:password@host/name is needed\n"
    )


def test_a_database_that_cannot_be_reached_is_told(
    tmp_path: Path, run: Callable[..., Ending]
) -> None:
    """Where it would be and what is wrong, without its password."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    url = f"postgresql://user:s3cret@127.0.0.1:{port}/events"
    ending = run("--port", "0", "--data", str(tmp_path / "data"), "--database", url)
    assert ending.code == 3
    shown = f"postgresql+asyncpg://user:***@127.0.0.1:{port}/events"
    assert f"the database {shown} cannot be used: " in ending.stderr
    assert "refused" in ending.stderr or "Connect call failed" in ending.stderr
    assert "Traceback" not in ending.stderr
    assert "s3cret" not in ending.stdout + ending.stderr
    assert not list((tmp_path / "data").glob("nostr-relay.yaml*"))  # it would have the password


def test_taken_port_and_other_wrong_options_are_one_line(
    tmp_path: Path, run: Callable[..., Ending]
) -> None:
    """Whatever an operator mistypes, no traceback."""
    data = str(tmp_path / "data")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    (tmp_path / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        cases = [
            (("--port", port, "--data", data), f"127.0.0.1:{port}: "),
            (("--port", "99999", "--data", data), "99999"),
            (("--port", "-1", "--data", data), "-1"),
            (("--port", "0", "--host", "256.1.1.1", "--data", data), "256.1.1.1"),
            (("--port", "0", "--data", str(closed / "data")), str(closed)),
            (("--port", "0", "--data", str(tmp_path / "file")), str(tmp_path / "file")),
            (("--port", "0", "--data", str(tmp_path / "file" / "x")), str(tmp_path / "file")),
            (("--port", "0", "--host", "\u202e.x", "--data", data), "no address to listen on"),
            (("--port", "0", "--host", "a..b", "--data", data), "a..b"),
            (("--script-timeout", "nan", "--port", "0", "--data", data), "--script-timeout"),
            (("--script-timeout", "inf", "--port", "0", "--data", data), "--script-timeout"),
            (("--port", "0", "--data", "\udcff\udc9b"), r"'\udcff\udc9b' is not in UTF-8"),
            (
                ("--port", "0", "--data", data, "--policy", f"{data}\udcff"),
                r"data\udcff is not there",
            ),
        ]
        for options, said in cases:
            ending = run(*options)
            assert ending.code in (1, 2), options
            assert said in ending.stderr
            assert "Traceback" not in ending.stderr


@pytest.mark.heavy
def test_an_argument_that_gunicorn_cannot_read_is_told(tmp_path: Path) -> None:
    """It reads those of the process."""
    options = ("--port", "0", "--data", str(tmp_path), "--script-environment", "\udcff")
    done = subprocess.run(
        [sys.executable, "-m", "example_relay", *options, "--workers=2"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode in (1, 2)
    assert "gunicorn starts no workers where an argument is not in UTF-8" in done.stderr
    assert "Traceback" not in done.stderr


def test_broken_database_stops_the_start(tmp_path: Path, run: Callable[..., Ending]) -> None:
    """Exit code 3, and it never listens."""
    (tmp_path / "events.sqlite3").write_bytes(b"this is no database" * 300)
    ending = run("--port", "0", "--data", str(tmp_path))
    assert ending.code == 3
    assert "not a database" in ending.stderr


@asynchronous
async def test_switched_off_says_that_no_policy_is_enforced(tmp_path: Path) -> None:
    """ORLY_POLICY_ENABLED=false: said on standard output and error, and everything passes."""
    policy = {"default_policy": "deny"}
    off = {"ORLY_POLICY_ENABLED": "false"}
    with Relay(tmp_path, policy, environment=off) as relay:
        assert "policy:  none is enforced" in relay.stdout
        assert "no policy is enforced" in relay.stderr
        async with connected(relay.url) as client:
            await client.publish_all(Key().event(1))
            accepted, _ = await client.publish({**Key().event(1), "id": "ab" * 32})
            assert not accepted


@pytest.mark.parametrize("storage", ["PolicyDBStorage", "PolicyLMDBStorage"])
@pytest.mark.heavy
def test_storage_is_not_served_without_the_shell(tmp_path: Path, storage: str) -> None:
    """Under nostr-relay's own command our storage would know no connection: it does not start."""
    config = tmp_path / "config.yaml"
    config.write_text(
        "storage:\n"
        f"  class: orly_policy_plugin.hosts.nostr_relay.storage.{storage}\n"
        f"  sqlalchemy.url: sqlite+aiosqlite:///{tmp_path}/events.sqlite3\n"
        f"  path: {tmp_path}/events.lmdb\n"
        "gunicorn:\n  bind: 127.0.0.1:0\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", "import nostr_relay.cli as c; c.main()", "-c", config, "serve"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode != 0
    assert "served by orly_policy_plugin.hosts.nostr_relay.create_app alone" in done.stderr


@pytest.mark.parametrize("storage", ["sqlite", "lmdb"])
@asynchronous
async def test_stops_cleanly_and_keeps_what_it_stored(tmp_path: Path, storage: str) -> None:
    """Ctrl-C and SIGTERM, with clients connected: no traceback, the conventional exit code, and
    every accepted event is there after the restart.
    """
    key = Key()
    stored: set[str] = set()
    for how, codes in ((signal.SIGINT, (0, -2, 130)), (signal.SIGTERM, (0, -15, 143))):
        with Relay(tmp_path, {"rules": {"4": {"privileged": True}}}, storage) as relay:
            async with connected(relay.url, key) as client, connected(relay.url) as reader:
                assert stored <= await client.stored_ids({"authors": [key.pubkey]})
                await reader.subscribe({"kinds": [1]})
                await client.subscribe({"kinds": [1, 4]})
                events = [key.event(kind, f"{how} {i}") for i in range(20) for kind in (1, 4)]
                for event in events:
                    await client.send("EVENT", event)
                await client.until(lambda: len(client.answers) > 10)
                code = await asyncio.to_thread(relay.stop, how)
                await client.until_gone()
            stored |= {e["id"] for e in events if client.answers.get(e["id"]) == [(True, "")]}
            assert code in codes
            assert "Traceback" not in relay.stderr, relay.stderr
            assert "Aborted" not in relay.stderr
        relay.forget_output()
    with Relay(tmp_path, {}, storage) as relay:
        async with connected(relay.url) as client:
            assert stored <= await client.stored_ids({"authors": [key.pubkey]})


def test_sample_policy_is_put_into_the_data_folder(tmp_path: Path) -> None:
    """Where none is named and none is there; one that is there is kept."""
    with Relay(tmp_path, None) as relay:
        assert relay.policy == relay.data / "policy.json"
        assert "rules" in relay.policy.read_text()
        relay.policy.write_text('{"default_policy": "deny"}')
        version = relay.stdout.split("version ")[1]
    relay.forget_output()
    with relay:
        assert relay.policy.read_text() == '{"default_policy": "deny"}'
        assert relay.stdout.split("version ")[1] != version


def test_an_edited_configuration_is_kept(tmp_path: Path) -> None:
    """What a start has written the next one may replace; what somebody has changed it uses."""
    relay = Relay(tmp_path, {})
    configuration = relay.data / "nostr-relay.yaml"
    with relay:
        relay.wait_for(configuration.exists)
        first = configuration.read_text()
    relay.forget_output()
    with relay:
        relay.wait_for(lambda: configuration.read_text() != first)  # the port is another
    edited = configuration.read_text().replace("example relay", "my relay")
    configuration.write_text(edited)
    relay.forget_output()
    with relay:
        with urllib.request.urlopen(
            urllib.request.Request(relay.http, headers={"Accept": "application/nostr+json"})
        ) as answer:
            assert json.load(answer)["name"] == "my relay"
        assert f"{configuration} was edited and is used as it is" in relay.stderr
    assert configuration.read_text() == edited


def test_a_start_that_fails_changes_no_configuration(tmp_path: Path) -> None:
    """Neither where the policy is wrong nor where the database is."""
    relay = Relay(tmp_path, {})
    configuration = relay.data / "nostr-relay.yaml"
    with relay:
        relay.wait_for(configuration.exists)
    before = sorted(relay.data.iterdir()), configuration.read_text()
    relay.save_policy({"rulez": {}})
    relay.launch()
    assert relay.wait() == 1
    relay.save_policy({})
    relay.launch("--database", "postgresql://127.0.0.1:1/none")
    assert relay.wait() == 3
    assert (sorted(relay.data.iterdir()), configuration.read_text()) == before


def test_the_client_explains_by_the_policy_of_the_relay_that_it_asked(
    tmp_path: Path,
) -> None:
    """Of a relay whose data folder has the event, or of none."""
    with Relay(tmp_path, None) as relay:
        relay.wait_for((relay.data / "nostr-relay.yaml").exists)
        saved = relay.data / "last-event.json"
        asked = ("--relay", relay.url, "--save", str(saved))
        assert f"--policy {relay.policy}" in relay.stdout
        assert "why:" not in say(*asked, "hello").stdout
        refused = say(*asked, "--kind", "5000", "hello").stdout
        assert f"explain {relay.policy} --access write" in refused
        (tmp_path / "other").mkdir()
        with Relay(tmp_path / "other", None) as other:
            asked = ("--relay", other.url, "--save", str(saved))
            refused = say(*asked, "--kind", "5000", "hello").stdout
            assert "explain POLICY.json --access write" in refused


# --- the client to try it with


def say(*arguments: str) -> Ending:
    """Run the example relay's client to its end."""
    done = completed("example_relay.say", arguments, cwd=ROOT, env=os.environ, timeout=SECONDS)
    return Ending(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def odd_relay() -> Iterator[str]:
    """A relay that says all sorts of things before it answers, and wants to know who we are."""

    def answer(client: ServerConnection) -> None:
        known = False
        client.send('["AUTH", "a challenge"]')
        for text in client:
            command, event = json.loads(text)
            for odd in ("{}", "[]", "x", "1" * 5000, "[" * 100_000, b"\xff\xfe", '["OK"]', "null"):
                client.send(odd)
            known = known or command == "AUTH"
            message = event["content"] if known else "auth-required: who are you?"
            accepted = known and message != "no"
            client.send(json.dumps(["OK", event["id"], accepted, message]))

    with serve(answer, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join()


def test_the_client_waits_for_a_real_answer(tmp_path: Path, odd_relay: str) -> None:
    """What is no answer to its event is passed over; it authenticates only where it is told to."""
    saved = tmp_path / "event.json"
    options = ("Grüße", "--save", str(saved), "--relay", odd_relay)
    unknown = say(*options)
    assert unknown.stderr == ""
    assert f'answered: ["OK", "{id_of(saved)}", false, "auth-required: who' in unknown.stdout
    known = say("--auth", *options)
    assert f'answered: ["OK", "{id_of(saved)}", true, "Grüße"]' in known.stdout
    assert "why:" not in known.stdout
    refused = say("--auth", "no", *options[1:], "--policy", "its.json")
    assert "explain its.json --access write" in refused.stdout
    assert "--authed" in refused.stdout


def id_of(saved: Path) -> str:
    made: str = json.loads(saved.read_text())["id"]
    return made


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("x", "--relay", "ws://[::1"), "ws://[::1: "),
        (("x", "--relay", "ws://a..b"), "ws://a..b: "),
        (("x", "--relay", "ws://127.0.0.1:99999"), "ws://127.0.0.1:99999: "),
        (("\udcff\udc9b",), "CONTENT"),
        (("x", "--tag", "p,\udcff"), "--tag"),
        (("x", "--key", "00" * 32), "--key"),
        (("x", "--save", "{file}/event.json"), "--save: {file}"),
        (("x", "--save", "/dev/full"), "--save: /dev/full"),
    ],
)
def test_what_the_client_cannot_use_is_one_line(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    """Whatever is mistyped, no traceback."""
    file = tmp_path / "file"
    file.touch()
    given = [option.replace("{file}", str(file)) for option in options]
    if "--save" not in options:
        given += ["--save", str(tmp_path / "event.json")]
    ending = say(*given)
    assert ending.code in (1, 2)
    assert said.replace("{file}", str(file)) in ending.stderr
    assert ending.stderr.count("\n") == 1
