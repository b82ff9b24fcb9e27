"""Each recipe of ``orly-policy init`` in the running relay: its suite's writes, sent by clients,
and who is given what was stored.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from orly_policy_hookspecs import Decision
from orly_policy_hookspecs.nip01 import FrozenEvent
from orly_policy_plugin.cli.command import orly_policy
from orly_policy_plugin.decisions import compile_policy
from orly_policy_plugin.lists import KnownLists
from orly_policy_plugin.policy import read_policy
from orly_policy_plugin.recipes import POLICY_FILE, RECIPES, SUITE_FILE
from orly_policy_plugin.recipes.cases import FRIEND, NOW, STRANGER

from .client import asynchronous, connected
from .process import Relay
from .signing import Event, Key, named_key

OWNER = named_key("a recipe's owner")
REPLACED = ({0, 3}, range(10_000, 20_000), range(30_000, 40_000))
"""Kinds of which a later event may take the place of an earlier one."""


@attrs.frozen
class Cast:
    """Real keys for those whom a suite has made up."""

    keys: Mapping[str, Key]

    @classmethod
    def of(cls, suite: Any) -> "Cast":
        cases = suite["cases"]
        people = {author_of(case) for case in cases}
        people |= {case["authed"] for case in cases if "authed" in case}
        tags = (tag for case in cases for tag in case["event"].get("tags", ()))
        people |= {tag[1] for tag in tags if tag[0] == "p"}
        made_up = {
            each: named_key(each) for each in {*people, FRIEND, STRANGER} if len(each) == 64
        }
        return cls({**made_up, OWNER.pubkey: OWNER})

    def real(self, pubkey: str) -> str:
        return self.keys[pubkey].pubkey if pubkey in self.keys else pubkey

    def signed(self, case: Any, later_seconds: int) -> Event:
        """The event of a case, as much later as now is later than the suite."""
        event = case["event"]
        tags = [[name, self.real(value), *rest] for name, value, *rest in event.get("tags", ())]
        created_at = event.get("created_at", NOW) + later_seconds
        content = event.get("content", "")
        return self.keys[author_of(case)].event(
            event["kind"], content, tags, created_at=created_at
        )


def author_of(case: Any) -> str:
    """Whose event it is, where it does not say: who authenticated."""
    author: str = case["event"].get("pubkey") or case["authed"]
    return author


def command(*arguments: str) -> None:
    done = CliRunner().invoke(orly_policy, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output


def written(folder: Path, recipe: str) -> tuple[Any, Cast]:
    """Have the command write a recipe, and add the keys of its suite's people to the lists."""
    command("init", recipe, "--folder", str(folder), "--key", OWNER.pubkey)
    suite = json.loads((folder / SUITE_FILE).read_text())
    cast = Cast.of(suite)
    for name, keys in suite.get("lists", {}).items():
        with (folder / f"{name}.txt").open("a") as file:
            file.writelines(f"{cast.real(key)}\n" for key in keys)
    for author, keys in suite.get("follows", {}).items():
        tags = [["p", cast.real(key)] for key in keys]
        (folder / "follows.json").write_text(json.dumps(cast.keys[author].event(3, "", tags)))
        command(
            *("follows", "import", str(folder / "follows.json")),
            *("--policy", str(folder / POLICY_FILE)),
        )
    return suite, cast


async def given(url: str, keys: list[Key], events: list[Event]) -> set[str]:
    """The ids of those of the events that a reader is given; none where the relay closes."""
    async with connected(url, *keys) as client:
        asked = await client.subscribe({"ids": [event["id"] for event in events]})
        await client.until(lambda: asked.eose or asked.closed)
        return asked.ids


@pytest.mark.parametrize("recipe", RECIPES)
@asynchronous
@pytest.mark.heavy
async def test_a_relay_does_what_the_suite_says(recipe: str, tmp_path: Path) -> None:
    suite, cast = written(tmp_path, recipe)
    began, stored = int(time.time()), []
    with Relay(tmp_path, tmp_path / POLICY_FILE) as relay:
        for i, case in enumerate(suite["cases"]):
            if case["access"] == "write":
                # Each later than the one before: no older version of what is replaced.
                event = cast.signed(case, began - NOW + i)
                keys = [cast.keys[case["authed"]]] if "authed" in case else []
                async with connected(relay.url, *keys) as client:
                    accepted, message = await client.publish(event)
                assert accepted is case["allowed"], (case["name"], message)
                if accepted and not any(event["kind"] in kinds for kinds in REPLACED):
                    stored.append(event)
        assert stored
        policy = read_policy((tmp_path / POLICY_FILE).read_bytes())
        snapshot = compile_policy(policy, lists=KnownLists(tmp_path).resolve(policy, {}))
        for reader in (None, cast.keys[STRANGER], cast.keys[FRIEND], OWNER):
            keys = [reader] if reader else []
            may_read = set()
            for event in stored:
                decision = snapshot.read(
                    FrozenEvent(**event), tuple(key.pubkey for key in keys), began
                )
                assert isinstance(decision, Decision)
                if decision.accepted:
                    may_read.add(event["id"])
            assert await given(relay.url, keys, stored) == may_read
