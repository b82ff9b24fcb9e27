"""``orly-policy sign-update``."""

import asyncio
import contextlib
import hashlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bech32
import pytest
import websockets
from authority.making import admin_key, owner_key, stranger_key
from click.testing import Result
from websockets.asyncio.server import ServerConnection, serve

from orly_policy_hookspecs import FrozenEvent
from orly_policy_plugin.authority import verify
from orly_policy_plugin.authority.freshness import Freshness, Mark
from orly_policy_plugin.cli.publishing import NoAnswer, publish
from orly_policy_plugin.state.files.freshness_file import FreshnessFile
from orly_policy_plugin.state.files.locks import exclusive

Write = Callable[[str, Any], Path]
Invoke = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]
Json = dict[str, Any]

OWNERS_POLICY: Json = {
    "owners": [owner_key.pubkey],
    "policy_admins": [admin_key.pubkey],
    "rules": {"1": {"content_limit": 100}},
}


def secret_of(name: str) -> str:
    """The secret key of ``named_key(name)``."""
    return hashlib.sha256(name.encode()).hexdigest()


def nsec(secret: str) -> str:
    data = bech32.convertbits(bytes.fromhex(secret), 8, 5)
    encoded: str = bech32.bech32_encode("nsec", data)
    return encoded


@pytest.fixture
def keys(write: Write) -> None:
    """A key file each, for their owner alone."""
    for name in ("owner", "admin", "stranger"):
        write(f"{name}.key", secret_of(name) + "\n").chmod(0o600)


@pytest.fixture
def standing(write: Write, keys: None) -> Path:
    """A policy that stands, an owner's next one, and an admin's contribution."""
    write("next.json", OWNERS_POLICY | {"default_policy": "deny", "_why": "quiet"})
    write("contribution.json", {"rules_extend": {"1": {"content_limit_override": 200}}})
    return write("policy.json", OWNERS_POLICY)


def sign(file: str, key: str, *more: str) -> tuple[str, ...]:
    return ("sign-update", file, "--key-file", f"{key}.key", *more)


def test_a_list_that_cannot_be_read_is_refused_here(
    standing: Path, write: Write, run: Run
) -> None:
    """As the relay would; it is told why, since it is the signer's own machine."""
    write("next.json", OWNERS_POLICY | {"lists": {"members": {"file": "members.txt"}}})
    write("members.txt", "xyz\n")
    done = run(*sign("next.json", "owner", "--policy", "policy.json"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("refused: lists.members: members.txt:1: 'xyz' is not a public")
    write("members.txt", "# nobody\n")
    assert run(*sign("next.json", "owner", "--policy", "policy.json")).returncode == 0


def test_an_owner_signs_a_policy(standing: Path, run: Run) -> None:
    """One line of JSON: a kind 12345 whose content is the file, comments and all."""
    done = run(
        *sign("next.json", "owner", "--policy", "policy.json", "--created-at", "1700000000")
    )
    assert (done.returncode, done.stderr) == (0, "")
    [line] = done.stdout.splitlines()
    event = FrozenEvent.of_json(json.loads(line))
    assert verify(event)
    assert (event.kind, event.pubkey, event.tags) == (12345, owner_key.pubkey, ())
    assert event.created_at == 1_700_000_000
    assert json.loads(event.content)["_why"] == "quiet"


def test_an_admin_signs_a_contribution_or_a_policy(
    standing: Path, write: Write, invoke: Invoke
) -> None:
    """Checked as a relay does: what an admin may not change is told with its place."""
    current = ("--policy", "policy.json")
    assert invoke(*sign("contribution.json", "admin", *current)).exit_code == 0
    refused = invoke(*sign("next.json", "admin", *current))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("refused: default_policy: an admin cannot change it")
    write("low.json", {"rules_extend": {"1": {"content_limit_override": 50}}})
    low = invoke(*sign("low.json", "admin", *current))
    assert low.exit_code == 1
    assert "may raise it only: 100 -> 50" in low.stderr


@pytest.mark.parametrize(
    ("file", "key", "says"),
    [
        ("next.json", "stranger", "restricted: only owners and policy admins"),
        ("contribution.json", "owner", "an owner sends a full policy"),
        ({"owners": []}, "owner", "owners: names nobody"),
        ({"rulse": {}}, "owner", "rulse: unknown key"),
        (OWNERS_POLICY | {"global": {"script": "x"}}, "owner", "global.script: "),
        (
            OWNERS_POLICY | {"global": {"write_deny": [owner_key.pubkey]}},
            "owner",
            "denies this event's author",
        ),
        ([], "owner", "expected an object"),
    ],
)
def test_what_a_relay_would_refuse_is_not_signed_away(
    file: Any, key: str, says: str, standing: Path, write: Write, invoke: Invoke
) -> None:
    """Exit 1, the refusal on standard error, no event."""
    if not isinstance(file, str):
        write("given.json", file)
        file = "given.json"
    result = invoke(*sign(file, key, "--policy", "policy.json"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr
    assert all(line.startswith("refused: ") for line in result.stderr.splitlines())


def test_what_is_too_late_or_too_early_is_refused(standing: Path, invoke: Invoke) -> None:
    """Freshness counts here as it does there."""
    history = standing.parent / "policy-history"
    now = int(time.time())
    with exclusive(history / ".lock") as held:
        FreshnessFile(history).raise_to(Freshness(Mark(now - 100)), held)
    asked = sign("next.json", "owner", "--policy", "policy.json")
    assert invoke(*asked).exit_code == 0
    late = invoke(*asked, "--created-at", str(now - 101))
    assert (late.exit_code, late.stdout) == (1, "")
    assert "the policy event is not new" in late.stderr
    early = invoke(*asked, "--created-at", str(now + 10_000))
    assert early.exit_code == 1
    assert "ahead of this relay's clock" in early.stderr


def test_without_a_standing_policy_the_content_is_checked_alone(
    standing: Path, run: Run, folder: Path
) -> None:
    """It says so; an owner's policy must name its author still."""
    nowhere = {"ORLY_POLICY_PATH": str(folder / "none.json")}
    for file, key in (("next.json", "owner"), ("contribution.json", "stranger")):
        done = run(*sign(file, key), **nowhere)
        assert done.returncode == 0
        assert "checked by itself" in done.stderr
    refused = run(*sign("next.json", "stranger"), **nowhere)
    assert refused.returncode == 1
    assert "owners: does not name this event's author" in refused.stderr


def test_the_environments_policy_is_the_default(standing: Path, run: Run) -> None:
    """``ORLY_POLICY_PATH``, with ``ORLY_OWNERS``."""
    place = {"ORLY_POLICY_PATH": str(standing)}
    assert run(*sign("next.json", "stranger"), **place).returncode == 1
    owns = {**place, "ORLY_OWNERS": stranger_key.pubkey}
    refused = run(*sign("next.json", "stranger"), **owns)
    assert "owners: does not name this event's author" in refused.stderr


# --- the key


@pytest.mark.parametrize(
    "form", [str.upper, nsec, lambda secret: f"\n {secret} \r\n"], ids=["upper", "nsec", "spaces"]
)
def test_the_key_in_any_form(
    form: Callable[[str], str], standing: Path, write: Write, invoke: Invoke
) -> None:
    """Hex or nsec, with line breaks around it."""
    write("owner.key", form(secret_of("owner")))
    result = invoke(*sign("next.json", "owner", "--policy", "policy.json"))
    assert json.loads(result.stdout)["pubkey"] == owner_key.pubkey


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o777])
def test_a_key_that_others_can_reach_is_refused(
    mode: int, standing: Path, folder: Path, invoke: Invoke
) -> None:
    """Exit 2, with what to do."""
    (folder / "owner.key").chmod(mode)
    result = invoke(*sign("next.json", "owner", "--policy", "policy.json"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "chmod 600 owner.key" in result.stderr


def _nothing(path: Path) -> None:
    """Not there."""


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


def _folder(path: Path) -> None:
    path.mkdir(0o700)


@pytest.mark.parametrize("make", [_nothing, _loop, _pipe, _folder])
def test_what_is_no_key_file_gets_one_line(
    make: Callable[[Path], None], standing: Path, folder: Path, run: Run
) -> None:
    """Missing, a loop of symlinks, a pipe, a folder: exit 2, no traceback."""
    make(folder / "odd.key")
    done = run(*sign("next.json", "odd", "--policy", "policy.json"))
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("odd.key: ")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "0" * 64,
        "f" * 64,
        secret_of("owner")[:-1],
        secret_of("owner") + "00",
        nsec(secret_of("owner"))[:-1] + "q",
        f"key = {secret_of('owner')}",
        "npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6",
        b"\xff\xfe" + secret_of("owner").encode(),
        secret_of("owner") * 100,
    ],
)
def test_no_message_repeats_a_secret(
    content: str | bytes, standing: Path, write: Write, run: Run
) -> None:
    """Whatever is wrong with the key, nothing of it is shown."""
    write("odd.key", content).chmod(0o600)
    done = run(*sign("next.json", "odd", "--policy", "policy.json"))
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    for secret in (secret_of("owner"), nsec(secret_of("owner"))):
        assert secret[5:13] not in line


# --- publishing


@contextlib.contextmanager
def relay(handle: Callable[[ServerConnection], Any]) -> Iterator[str]:
    """A websocket server on loopback, in a thread of its own: its URL."""
    started, url = threading.Event(), []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def main() -> None:
        async with serve(handle, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            url.append(f"ws://127.0.0.1:{port}")
            started.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    assert started.wait(10)
    try:
        yield url[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


@pytest.mark.parametrize(
    ("accepts", "message", "status"),
    [(True, "policy updated: version 3f9a1c2b7d04", 0), (False, "invalid: no\x1b[2J", 1)],
)
def test_it_is_published_for_that_relay_alone(
    accepts: bool, message: str, status: int, standing: Path, run: Run
) -> None:
    """The relay gets an event with its URL in a tag; its answer is printed, and is the status."""
    received: list[Json] = []

    async def handle(socket: ServerConnection) -> None:
        async for text in socket:
            _, event = json.loads(text)
            received.append(event)
            await socket.send("garbage")
            await socket.send(json.dumps(["NOTICE", "hello"]))
            await socket.send(json.dumps(["OK", "00" * 32, not accepts, "another's"]))
            await socket.send(json.dumps(["OK", event["id"], accepts, message]))

    with relay(handle) as one, relay(handle) as two:
        urls = ("--relay", one, "--relay", two, "--relay", one)
        done = run(*sign("next.json", "owner", "--policy", "policy.json", *urls))
    assert done.returncode == status
    word = "accepted" if accepts else "refused"
    shown = message.replace("\x1b", "\\x1b")
    assert done.stdout.splitlines() == [f"{url}: {word}: {shown}" for url in (one, two)]
    assert [event["tags"] for event in received] == [[["relay", one]], [["relay", two]]]
    assert all(verify(FrozenEvent.of_json(event)) for event in received)


@pytest.mark.parametrize("challenge_first", [True, False])
def test_it_authenticates_where_the_relay_asks(
    challenge_first: bool, standing: Path, run: Run
) -> None:
    """NIP-42, whether the challenge comes at once or after the refusal."""
    authenticated: list[Json] = []

    async def handle(socket: ServerConnection) -> None:
        challenge = json.dumps(["AUTH", "a challenge"])
        if challenge_first:
            await socket.send(challenge)
        async for text in socket:
            command, event = json.loads(text)
            if command == "AUTH":
                authenticated.append(event)
                await socket.send(json.dumps(["OK", event["id"], True, ""]))
            elif authenticated:
                await socket.send(json.dumps(["OK", event["id"], True, "done"]))
            else:
                refusal = "auth-required: who are you?"
                await socket.send(json.dumps(["OK", event["id"], False, refusal]))
                if not challenge_first:
                    await socket.send(challenge)

    with relay(handle) as url:
        done = run(*sign("next.json", "owner", "--policy", "policy.json", "--relay", url))
    assert (done.returncode, done.stdout) == (0, f"{url}: accepted: done\n")
    [event] = authenticated
    assert verify(FrozenEvent.of_json(event))
    assert event["kind"] == 22242
    assert event["tags"] == [["relay", url], ["challenge", "a challenge"]]
    assert event["pubkey"] == owner_key.pubkey


def test_a_relay_that_hangs_up_or_is_not_there_is_exit_2(standing: Path, run: Run) -> None:
    """One line each; the other relays are asked all the same."""

    async def hang_up(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.close(1011, "oops")

    with relay(hang_up) as url:
        urls = ("--relay", "ws://127.0.0.1:1", "--relay", url)
        done = run(*sign("next.json", "owner", "--policy", "policy.json", *urls))
    assert (done.returncode, done.stdout) == (2, "")
    first, second = done.stderr.splitlines()
    assert first == "ws://127.0.0.1:1: connection refused"
    assert second.startswith(f"{url}: ")
    assert "oops" in second


def test_a_silent_relay_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while; notices do not put it off."""

    async def chatter(socket: ServerConnection) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await socket.send(json.dumps(["NOTICE", "wait"]))
                await asyncio.sleep(0.05)

    with relay(chatter) as url, pytest.raises(NoAnswer, match="no answer within 1 s"):
        publish(url, owner_key.event(), lambda _: {}, timeout_seconds=1)


@pytest.mark.parametrize("url", ["https://relay.example", "relay.example", "wss://", ""])
def test_what_is_no_relay_is_a_wrong_call(url: str, standing: Path, invoke: Invoke) -> None:
    """Exit 2 before anything is signed."""
    result = invoke(*sign("next.json", "owner", "--policy", "policy.json", "--relay", url))
    assert result.exit_code == 2
    assert "is not a relay's URL" in " ".join(result.stderr.split())
