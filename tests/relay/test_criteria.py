"""The pack of criteria in the example relay: its plugins are found, and rules use them."""

import sys
import tomllib
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from .client import asynchronous, connected
from .process import ROOT, Relay
from .signing import Event, Key
from .test_plugins import python_path

PACK = ROOT / "criteria"
KEY = Key()


def install(folder: Path) -> None:
    """What installing the pack leaves behind, but for the code, which is where it is written."""
    project = tomllib.loads((PACK / "pyproject.toml").read_text())["project"]
    points = project["entry-points"]["orly_policy"]
    info = folder / "orly_policy_criteria-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = (f"{name} = {where}" for name, where in points.items())
    (info / "entry_points.txt").write_text("\n".join(["[orly_policy]", *lines]))


def note(content: str, bits: int = 8, *tags: list[str]) -> Event:
    """A note with so many bits of work, or a few more."""
    for nonce in count():
        event = KEY.event(1, content, [["nonce", str(nonce), str(bits)], *tags])
        if int(event["id"], 16) < 1 << (256 - bits):
            return event
    raise AssertionError


def relay_with_the_pack(folder: Path, policy: dict[str, Any]) -> Relay:
    return Relay(
        folder,
        policy,
        environment={"PYTHONPATH": f"{python_path(folder)}:{PACK}"},
        command=(sys.executable, "-m", "example_relay"),
    )


@asynchronous
@pytest.mark.heavy
async def test_rules_have_the_packs_fields(tmp_path: Path) -> None:
    """And a file that is saved changes what they say."""
    install(tmp_path)
    rule = {
        "x_content": {"words": ["casino"]},
        "x_duplicates": {"seconds": 600},
        "x_max_mentions": 1,
        "x_pow": 8,
    }
    relay = relay_with_the_pack(tmp_path, {"rules": {"1": rule}})
    mentions = (["p", "ab" * 32], ["p", "cd" * 32])
    with relay as running:
        async with connected(running.url) as client:

            async def says(event: Event) -> str:
                accepted, message = await client.publish(event)
                assert accepted is (message == "")
                return message

            assert await says(note("hello")) == ""
            assert (await says(note("hello", 9))).startswith("blocked: the same content came")
            assert await says(note("Casino!")) == "blocked: the word 'casino' is not taken here"
            assert await says(note("hi", 8, *mentions)) == (
                "blocked: too many mentions: 2, the limit is 1"
            )
            assert (await says(note("hi", 7))).startswith("pow: ")
            assert len(await client.stored({"authors": [KEY.pubkey]})) == 1

            running.save_policy({"rules": {"1": rule | {"x_pow": 7}}})
            running.wait_for(lambda: running.stdout.count("policy:  version") == 1)
            assert await says(note("hi", 7)) == ""

            running.save_policy({"rules": {"1": rule | {"x_pow": "7"}}})
            running.wait_for(lambda: "rules.1.x_pow: expected a number of bits" in running.stderr)
            assert (await says(note("hey", 6))).startswith("pow: ")


@asynchronous
@pytest.mark.heavy
async def test_who_sends_and_who_is_reported(tmp_path: Path) -> None:
    """By the keys of a list, which is a file that changes."""
    install(tmp_path)
    member, moderator, stranger = Key(), Key(), Key()
    members = tmp_path / "members.txt"
    members.write_text(f"{moderator.pubkey}\n")
    rule = {
        "x_limits_by_class": [{"who": ["@members"]}, {"events_an_hour": 1}],
        "x_reports": {"by": ["@members"], "at_least": 1},
    }
    policy = {"lists": {"members": {"file": members.name}}, "rules": {"1": rule}}
    refused = "rate-limited: 1 event of kind 1 an hour"
    reported = "blocked: this author was reported by people whom the relay trusts"
    with relay_with_the_pack(tmp_path, policy) as running:
        async with connected(running.url) as client, connected(running.url) as others:

            async def says(event: Event) -> str:
                return (await client.publish(event))[1]

            assert await says(stranger.event(1, "a")) == ""
            assert await says(stranger.event(1, "b")) == (
                "auth-required: 1 event of kind 1 an hour without authenticating"
            )
            await client.authenticate(member)
            assert await says(member.event(1, "a")) == refused
            members.write_text(f"{moderator.pubkey}\n{member.pubkey}\n")
            running.wait_for(lambda: "the list is now @members (2 keys)" in running.stdout)
            assert [await says(member.event(1, text)) for text in "abc"] == ["", "", ""]

            report = moderator.event(1984, "", [["p", member.pubkey, "spam"]])
            await others.publish_all(report)
            assert await says(member.event(1, "d")) == reported
            await others.publish_all(moderator.event(5, "", [["e", report["id"]]]))
            assert await says(member.event(1, "d")) == ""
