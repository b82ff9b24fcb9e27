"""A contribution's life by the commands alone: sent, listed, withdrawn, looked up, sent again."""

import asyncio
import hashlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import forks
import pytest

from .client import connected
from .process import SECONDS, Relay
from .signing import named_key

OWNER, ADMIN, BOB = map(named_key, ("an owner", "an admin", "bob"))
POLICY: dict[str, Any] = {
    "owners": [OWNER.pubkey],
    "policy_admins": [ADMIN.pubkey],
    "rules": {"1": {"content_limit": 10}},
}
CONTENT = {"rules_extend": {"1": {"content_limit_override": 100}}}
ALLOWS = "kind 1: content of 11 to 100 bytes"

OrlyPolicy = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(params=["sqlite", "lmdb"])
def relay(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Relay]:
    """A relay of its own for each test, with a key file each for its people."""
    for name in ("an owner", "an admin", "bob"):
        key = tmp_path / f"{name}.key"
        key.write_text(hashlib.sha256(name.encode()).hexdigest())
        key.chmod(0o600)
    (tmp_path / "contribution.json").write_text(json.dumps(CONTENT))
    with Relay(tmp_path, POLICY, request.param) as running:
        yield running


@pytest.fixture
def orly_policy(relay: Relay) -> OrlyPolicy:
    """The command, in the relay's folder."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return forks.completed(
            "orly_policy_plugin.cli",
            arguments,
            cwd=relay.folder,
            env={**os.environ, "ORLY_POLICY_PATH": str(relay.policy)},
            stdin=stdin,
            timeout=SECONDS,
        )

    return run


def long_notes_pass(relay: Relay) -> bool:
    """Whether the contribution counts."""

    async def publish() -> bool:
        async with connected(relay.url) as client:
            accepted, _ = await client.publish(BOB.event(1, "x" * 50))
            return accepted

    return asyncio.run(publish())


def send(orly_policy: OrlyPolicy, relay: Relay, *, seconds_ago: int = 0, stdin: str = "") -> str:
    """Send the contribution; its event id, as the history has it."""
    file, dated = "-" if stdin else "contribution.json", str(int(time.time()) - seconds_ago)
    update = ("sign-update", file, "--key-file", "an admin.key", "--relay", relay.url)
    done = orly_policy(*update, "--created-at", dated, stdin=stdin)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{relay.url}: accepted: contribution accepted: version ")
    newest = json.loads(orly_policy("history", "--json").stdout)[0]
    assert (newest["how"], newest["author"]) == ("contribution", ADMIN.pubkey)
    assert newest["contributions"] == [newest["event_id"]]
    event_id: str = newest["event_id"]
    return event_id


@pytest.mark.heavy
def test_a_contribution_is_withdrawn_and_sent_again(relay: Relay, orly_policy: OrlyPolicy) -> None:
    """The relay obeys, and each command says what is in force."""
    event_id = send(orly_policy, relay, seconds_ago=100)
    assert long_notes_pass(relay)
    with_it = json.loads(orly_policy("history", "--json").stdout)[0]["version"]
    assert f"{event_id[:8]}…      of {ADMIN.pubkey[:8]}…  allows: {ALLOWS}" in (
        orly_policy("check").stdout
    )
    withdraw = ("withdraw", event_id[:6], "--key-file", "an owner.key", "--relay", relay.url)
    done = orly_policy(*withdraw)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{relay.url}: accepted: contribution withdrawn: version ")
    assert not long_notes_pass(relay)
    newest = json.loads(orly_policy("history", "--json").stdout)[0]
    assert (newest["how"], newest["author"]) == ("withdrawal", OWNER.pubkey)
    assert newest["contributions"] == []
    back = orly_policy("rollback", with_it)
    assert (back.returncode, f"newly refused: {ALLOWS}" in back.stdout) == (0, True)
    assert f"orly-policy history --contribution {event_id}" in back.stdout
    content = orly_policy("history", "--contribution", event_id[:6]).stdout
    assert send(orly_policy, relay, stdin=content) != event_id
    assert long_notes_pass(relay)


def test_a_kind_5_that_withdraws_nothing_is_exit_1(relay: Relay, orly_policy: OrlyPolicy) -> None:
    """A stranger's is an event like any other to the relay; unchecked, it is accepted."""
    event_id = send(orly_policy, relay)
    asked = ("withdraw", event_id, "--key-file", "bob.key", "--relay", relay.url)
    checked = orly_policy(*asked)
    assert (checked.returncode, checked.stdout) == (1, "")
    assert checked.stderr.startswith("refused: blocked: none of your contributions is named")
    relay.policy.rename(relay.policy.with_name("elsewhere"))
    unchecked = orly_policy(*asked)
    relay.policy.with_name("elsewhere").rename(relay.policy)
    assert (unchecked.returncode, unchecked.stdout) == (1, f"{relay.url}: accepted\n")
    assert "the relay does not say 'contribution withdrawn'" in unchecked.stderr
    assert long_notes_pass(relay)
