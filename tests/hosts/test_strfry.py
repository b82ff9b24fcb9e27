"""``orly-policy strfry``: the process, asked as strfry asks a write-policy plugin."""

import asyncio
import gzip
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from forks import Fork
from live.making import admin, foe, follows, friend, owner, policy, signed, withdrawing
from relay.signing import Key

from orly_policy_hookspecs import Context, Decision, Event, Gate, hookimpl
from orly_policy_hookspecs.nip01 import FrozenEvent, event_json
from orly_policy_plugin.decisions import compile_policy
from orly_policy_plugin.hosts.strfry import LineHost, lines
from orly_policy_plugin.policy import read_policy

REAL_EVENTS = Path(__file__).parents[3] / "shared" / "data" / "real-events.jsonl.gz"
MOST_ANSWER_BYTES = 8_192


class Plugin:
    """The process, with the policy in a file."""

    def __init__(self, folder: Path, policy: Any, *options: str) -> None:
        self.file = folder / "policy.json"
        self.save(policy)
        self._log = folder / "log"
        asked, ask = os.pipe()
        answers, answered = os.pipe()
        self._process = Fork(
            "orly_policy_plugin.cli",
            ["strfry", str(self.file), *options],
            cwd=folder,
            env=os.environ,
            stdin=asked,
            stdout=answered,
            stderr=self._log,
        )
        os.close(asked)
        os.close(answered)
        self._asks = os.fdopen(ask, "wb")
        self._answered = os.fdopen(answers, "rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(20)
        self._asks.close()
        self._answered.close()

    def save(self, policy: Any) -> None:
        beside = self.file.with_name("edited")
        beside.write_text(policy if isinstance(policy, str) else json.dumps(policy))
        beside.replace(self.file)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def say(self, line: bytes) -> dict[str, Any]:
        """What a line is answered: one line, that strfry can read."""
        self._asks.write(line + b"\n")
        self._asks.flush()
        answer = self._answered.readline()
        assert answer.endswith(b"\n"), self.log
        assert len(answer) <= MOST_ANSWER_BYTES
        said: dict[str, Any] = json.loads(answer)
        assert said.keys() == {"id", "action", "msg"}
        return said

    def ask(self, event: Any, source: str = "IP4", info: str = "192.0.2.7", **more: Any) -> str:
        """The action, and the message where there is one."""
        value = event if isinstance(event, dict) else event_json(event)
        asked = {"type": "new", "event": value, "receivedAt": 1, "sourceType": source}
        said = self.say(json.dumps({**asked, "sourceInfo": info, **more}).encode())
        assert said["id"] == value["id"]
        return f"{said['action']}: {said['msg']}".removesuffix(": ")

    def end(self, how: signal.Signals | None = None) -> int:
        """The relay ends it; by closing its standard input, or by a signal."""
        if how is None:
            self._asks.close()
        else:
            self._process.send_signal(how)
        return self._process.wait(20)


def note(key: Key, content: str = "", **fields: Any) -> Any:
    return signed(key, content, int(time.time()), kind=1, **fields)


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[Plugin]:
    """The usual policy: the owner alone may write kind 1, of 1,000 bytes."""
    with Plugin(tmp_path, policy(), "--submitter", "authenticated-or-author") as made:
        yield made


def test_a_policy_decides(plugin: Plugin) -> None:
    assert plugin.ask(note(owner)) == "accept"
    assert plugin.ask(note(friend)).startswith("reject: restricted: ")
    assert plugin.ask(note(owner, "x" * 2_000)).startswith("reject: blocked: event is ")


def test_whoever_authenticated_counts(plugin: Plugin) -> None:
    """Before the author does."""
    assert plugin.ask(note(friend), authed=owner.pubkey) == "accept"
    assert plugin.ask(note(owner), authed=friend.pubkey).startswith("reject: restricted: ")


@pytest.mark.parametrize(
    ("submitter", "of_author", "of_sender"),
    [
        ("authenticated", "reject: auth-required:", "accept"),
        ("author", "accept", "reject: restricted:"),
        ("authenticated-or-author", "accept", "accept"),
    ],
)
def test_who_the_submitter_is_is_a_setting(
    tmp_path: Path, submitter: str, of_author: str, of_sender: str
) -> None:
    with Plugin(tmp_path, policy(), "--submitter", submitter) as plugin:
        assert plugin.ask(note(owner)).startswith(of_author)
        assert plugin.ask(note(friend), authed=owner.pubkey).startswith(of_sender)


def test_an_edit_of_the_policy_takes_effect(plugin: Plugin) -> None:
    """Within a second, and a wrong one changes nothing."""
    event = note(friend)
    assert plugin.ask(event).startswith("reject: ")
    plugin.save(policy(default_policy="allow", rules={}))
    until = time.monotonic() + 20
    while plugin.ask(event) != "accept":
        assert time.monotonic() < until
    plugin.save("{")
    while "cannot be used" not in plugin.log:
        assert time.monotonic() < until + 20
        time.sleep(0.01)
    assert plugin.ask(event) == "accept"


LINES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b'{"type": "lookback"}',
    b'{"type": "new"}',
    b'{"type": "new", "event": 5}',
    b'{"type": "new", "event": {"id": "' + b"ab" * 32 + b'"}}',
    b'{"type": "new", "event": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"type": "new", "event": {"id": "' + b"x" * 1_000_000 + b'"}}',
]


def test_a_line_that_asks_nothing_is_rejected(plugin: Plugin) -> None:
    """By an answer that strfry can read; the next is answered as ever."""
    for line in LINES:
        said = plugin.say(line)
        assert said["action"] == "reject", line[:80]
        assert said["msg"].startswith("error: ")
        assert plugin.ask(note(owner)) == "accept"


def test_an_event_of_wrong_types_is_rejected_by_its_id(plugin: Plugin) -> None:
    event = {**event_json(note(owner)), "kind": "1"}
    assert plugin.ask(event).startswith("reject: error: ")
    many = {**event_json(note(owner)), "tags": [["t", "x" * 50] for _ in range(20_000)]}
    assert plugin.ask(many).startswith("reject: blocked: event is ")


def test_a_message_is_never_too_long(tmp_path: Path) -> None:
    """Whatever it names."""
    rules = {"1": {"must_have_tags": ["\x00" * 5_000]}}
    with Plugin(tmp_path, {"default_policy": "allow", "rules": rules}) as plugin:
        assert plugin.ask(note(friend)).startswith("reject: invalid: ")


def test_a_shadow_reject_says_nothing(tmp_path: Path) -> None:
    script = tmp_path / "shadow.py"
    script.write_text(
        f"#!{sys.executable}\nimport json, sys\nfor line in sys.stdin:\n"
        "    answer = {'id': json.loads(line)['id'], 'action': 'shadowReject', 'msg': 'no'}\n"
        "    print(json.dumps(answer), flush=True)\n"
    )
    script.chmod(0o755)
    with Plugin(tmp_path, {"rules": {"1": {"script": "shadow.py"}}}) as plugin:
        assert plugin.ask(note(friend)) == "shadowReject"


def test_events_of_no_client(tmp_path: Path) -> None:
    """Are decided, unless their source is let through; a follow list among them counts."""
    rules = {"1": {"follows_whitelist_admins": [admin.pubkey]}}
    options = ("--let-through", "Import", "--let-through", "Sync", "--submitter", "author")
    warn = ("--missing-follow-lists", "warn")
    with Plugin(tmp_path, policy(rules=rules), *options, *warn) as plugin:
        event = note(friend)
        assert plugin.ask(event, "Stream", "").startswith("reject: ")
        assert plugin.ask(event, "Import", "") == "accept"
        assert plugin.ask(event).startswith("reject: ")
        assert (
            plugin.ask(follows(admin, friend, created_at=int(time.time())), "Sync", "") == "accept"
        )
        assert plugin.ask(event) == "accept"


def test_an_authors_list_counts_once_it_is_accepted(tmp_path: Path) -> None:
    rules = {"1": {"write_allow": ["@mutes"]}}
    lists = {"mutes": {"author": admin.pubkey, "kind": 10_000}}
    options = ("--submitter", "author", "--missing-follow-lists", "warn")
    allowing = policy(default_policy="allow", lists=lists, rules=rules)
    with Plugin(tmp_path, allowing, *options) as plugin:
        assert plugin.ask(note(friend)).startswith("reject: ")
        tags = [["p", friend.pubkey]]
        assert plugin.ask(signed(admin, "", int(time.time()), kind=10_000, tags=tags)) == "accept"
        assert plugin.ask(note(friend)) == "accept"


def test_policy_events_are_applied_and_not_stored(plugin: Plugin) -> None:
    """strfry has no words for that: the client is told OK. Of a refusal it is told why."""
    now = int(time.time())
    contribution = signed(admin, {"kind_blacklist_add": [7]}, now)
    reaction = signed(owner, "+", now, kind=7)
    plugin.save(policy(default_policy="allow"))
    until = time.monotonic() + 20
    while plugin.ask(reaction) != "accept":
        assert time.monotonic() < until
    assert plugin.ask(contribution) == "shadowReject"
    assert plugin.ask(signed(friend, "+", now, kind=7)).startswith("reject: blocked: ")
    assert plugin.ask(contribution).startswith("reject: invalid: the policy event is not new")
    assert plugin.ask(signed(foe, {}, now)).startswith("reject: restricted: ")
    assert plugin.ask(withdrawing(admin, contribution, created_at=now + 1)) == "accept"
    assert plugin.ask(signed(friend, "+", now, kind=7)) == "accept"


def test_a_withdrawal_that_took_effect_is_told_so(tmp_path: Path) -> None:
    """Also where the rules store no kind 5."""
    now = int(time.time())
    contribution = signed(admin, {"kind_blacklist_add": [7]}, now)
    rules = {"5": {"write_deny": [admin.pubkey]}}
    with Plugin(tmp_path, policy(default_policy="allow", rules=rules)) as plugin:
        assert plugin.ask(contribution) == "shadowReject"
        withdrawal = withdrawing(admin, contribution, created_at=now + 1)
        assert plugin.ask(withdrawal) == "shadowReject"
        assert plugin.ask(withdrawal).startswith("reject: restricted: ")
        assert "contribution withdrawn" in plugin.log


@pytest.mark.parametrize("how", [None, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_the_relay(plugin: Plugin, how: signal.Signals | None) -> None:
    """Without a word of it on standard error."""
    assert plugin.ask(note(owner)) == "accept"
    status = plugin.end(how)
    assert status == 0
    assert "Traceback" not in plugin.log


def test_a_policy_that_is_wrong_is_no_start(tmp_path: Path) -> None:
    with Plugin(tmp_path, {"rule": {}}) as plugin:
        assert plugin._process.wait(20) == 1
        assert "rule: unknown key; did you mean 'rules'?" in plugin.log


@pytest.mark.skipif(not REAL_EVENTS.exists(), reason="the real events are not here")
def test_real_events_are_answered_as_explained(tmp_path: Path) -> None:
    """A thousand events under ten rules: the same verdict as the engine alone."""
    rules = {
        "0": {"content_limit": 300},
        "1": {"content_limit": 200, "must_have_tags": ["e"]},
        "3": {"size_limit": 20_000},
        "7": {"must_have_tags": ["e", "p"]},
        "30023": {"identifier_regex": "^[a-z0-9-]{1,64}$"},
    }
    document = {"kind": {"blacklist": [4, 10002]}, "rules": rules}
    lines = gzip.decompress(REAL_EVENTS.read_bytes()).splitlines()
    events = [json.loads(line) for line in lines]
    write = compile_policy(read_policy(json.dumps(document).encode())).write
    expected = []
    for event in events:
        decision = write(FrozenEvent.of_json(event), (), int(time.time()))
        expected.append("accept" if decision.accepted else f"reject: {decision.message}")
    with Plugin(tmp_path, document) as plugin:
        assert [plugin.ask(event) for event in events] == expected
    assert len(set(expected)) > 10


class Slow:
    """A plugin that takes its time for a withdrawal, and then for the kind 5 itself."""

    @hookimpl
    async def on_policy_event(self, event: Event, context: Context) -> Decision:
        await asyncio.sleep(0.3)
        return Decision.accept("contribution withdrawn")

    @hookimpl
    async def on_write(self, event: Event, context: Context) -> Decision:
        await asyncio.sleep(0.3)
        return Decision.accept()


def test_all_that_a_line_asks_is_answered_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Together, not each for itself: strfry waits for ten seconds, not for twice nine."""
    monkeypatch.setattr(lines, "ANSWER_SECONDS", 0.4)
    gate = Gate()
    gate.register(Slow(), "slow")
    event = withdrawing(owner, "ab" * 32)
    line = json.dumps({"type": "new", "event": event_json(event), "sourceType": "IP4"})
    said = json.loads(LineHost(gate).answer(line.encode()))
    gate.blocking.close()
    assert (said["id"], said["action"]) == (event.id, "reject")
    assert said["msg"].startswith("error: ")
