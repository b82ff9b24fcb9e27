"""Policy events of owners: section 8 of the spec, from the hook to the disk and back."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import attrs
import pytest
from examples import NOW
from relay.signing import Key

from orly_policy_plugin.plugin import PolicyPlugin

from .making import (
    RELAY,
    World,
    admin,
    foe,
    friend,
    owner,
    policy,
    read_json,
    second_admin,
    second_owner,
    signed,
    stranger,
    withdrawing,
)

OPEN = policy(default_policy="allow")


def test_an_owners_update_is_in_force_written_and_survives_a_restart(world: World) -> None:
    """The file carries its mark, and its comments."""
    event = signed(owner, {"_why": "open now", **OPEN})
    assert not world.may_write(friend, 7)
    assert world.applied(event) == f"policy updated: version {world.version}"
    assert world.may_write(friend, 7)
    assert world.plugin.status.version == world.version
    written = read_json(world.file)
    assert written.pop("_policy_event") == {
        "id": event.id,
        "created_at": NOW,
        "pubkey": owner.pubkey,
    }
    assert written == {"_why": "open now", **OPEN}
    assert world.freshness == {"owner": {"created_at": NOW, "event_id": event.id}, "admins": {}}
    assert world.history() == [("start", None), ("event", event.id)]
    version = world.version
    world.restart()
    assert world.may_write(friend, 7)
    assert world.version == version
    assert world.history() == [("start", None), ("event", event.id)]


def test_the_mode_is_kept(world: World) -> None:
    world.file.chmod(0o640)
    world.applied(signed(owner, OPEN))
    assert world.file.stat().st_mode & 0o777 == 0o640


def test_a_symlinks_target_is_replaced(tmp_path: Path) -> None:
    """The state lies beside the link."""
    target = tmp_path / "elsewhere" / "real.json"
    target.parent.mkdir()
    target.write_text(json.dumps(policy()))
    here = tmp_path / "here"
    here.mkdir()
    (here / "policy.json").symlink_to(target)
    world = World(here)
    world.applied(signed(owner, OPEN))
    assert world.file.is_symlink()
    assert read_json(target)["default_policy"] == "allow"
    assert [path.name for path in target.parent.iterdir()] == ["real.json"]


def test_the_state_may_lie_elsewhere(tmp_path: Path) -> None:
    state = tmp_path / "state"
    policy_folder = tmp_path / "policy"
    policy_folder.mkdir()
    world = World(policy_folder, settings={"state_folder": state})
    event = signed(owner, OPEN)
    world.applied(event)
    assert [path.name for path in policy_folder.iterdir()] == ["policy.json"]
    assert (state / "policy-history" / "freshness.json").exists()
    world.restart()
    assert "applied already" in world.refused(event)


# --- 1: genuine


def forgeries() -> dict[str, Any]:
    event = signed(owner, OPEN)
    other = signed(owner, policy())
    by_stranger = signed(stranger, OPEN)
    return {
        "content": attrs.evolve(event, content=other.content),
        "created_at": attrs.evolve(event, created_at=NOW + 1),
        "tags": attrs.evolve(event, tags=[["relay", RELAY]]),
        "kind": attrs.evolve(signed(owner, OPEN, kind=1), kind=12345),
        "author": attrs.evolve(by_stranger, pubkey=owner.pubkey),
        "id": attrs.evolve(event, id=other.id),
        "sig": attrs.evolve(event, sig=other.sig),
        "sig of another key": attrs.evolve(event, sig=stranger.sign(event.id)),
        "zero sig": attrs.evolve(event, sig="00" * 64),
        "no sig": attrs.evolve(event, sig=""),
        "short sig": attrs.evolve(event, sig=event.sig[:-2]),
        "long sig": attrs.evolve(event, sig=event.sig + "00"),
        "path-like id": attrs.evolve(event, id="../../policy"),
        "absolute id": attrs.evolve(event, id="/etc/passwd"),
        "id with a NUL": attrs.evolve(event, id=event.id[:-1] + "\0"),
        "capital id": attrs.evolve(event, id=event.id.upper()),
        "empty id": attrs.evolve(event, id=""),
        "no text": attrs.evolve(event, content=None),
        "no number": attrs.evolve(event, created_at=str(NOW)),
        "tags of numbers": attrs.evolve(event, tags=[[1, 2]]),
    }


@pytest.mark.parametrize("name", forgeries())
def test_a_forged_event_changes_nothing(world: World, name: str) -> None:
    assert world.refused(forgeries()[name]).startswith("invalid:")


def test_an_event_that_cannot_be_read_changes_nothing(world: World) -> None:
    """Its answer says what is wrong."""
    unreadable = attrs.evolve(signed(owner, OPEN), tags=None)
    assert world.refused(unreadable) == "invalid: this is no event: tags is not a list"


def test_an_event_over_a_mebibyte_is_refused(world: World) -> None:
    """Whatever is in it; just below is taken."""
    message = world.refused(signed(owner, {**OPEN, "_room": "x" * 1_048_576}))
    assert message.startswith("invalid:")
    assert "1048576" in message
    room = 1_048_576 - 2000
    world.applied(signed(owner, {**OPEN, "_room": "x" * room}))


# --- 2: role


@pytest.mark.parametrize("content", [OPEN, {"kind_whitelist_add": [7]}, "{", ""])
def test_a_strangers_event_is_refused_before_its_content_is_looked_at(
    world: World, content: Any
) -> None:
    message = world.refused(signed(stranger, content))
    assert message == "restricted: only owners and policy admins may change the policy"


def test_an_owner_of_the_environment_is_an_owner(tmp_path: Path) -> None:
    """ORLY_OWNERS; but a policy that she sends must name her."""
    world = World(tmp_path, settings={"owners": (second_owner.pubkey,)})
    message = world.refused(signed(second_owner, OPEN))
    assert message.startswith("invalid: owners: ")
    both = policy(owners=[owner.pubkey, second_owner.pubkey], default_policy="allow")
    world.applied(signed(second_owner, both))
    world.applied(signed(second_owner, policy(owners=[second_owner.pubkey]), NOW + 1))
    world.refused(signed(owner, OPEN, NOW + 2))


def test_two_owners_share_one_mark(tmp_path: Path) -> None:
    """Neither's older event undoes the other's newer one."""
    both = [owner.pubkey, second_owner.pubkey]
    (tmp_path / "policy.json").write_text(json.dumps(policy(owners=both)))
    world = World(tmp_path)
    world.applied(signed(owner, policy(owners=both, default_policy="allow"), NOW))
    older = signed(second_owner, policy(owners=both), NOW - 1)
    assert "is newer" in world.refused(older)
    world.applied(signed(second_owner, policy(owners=[second_owner.pubkey]), NOW + 1))
    assert world.refused(signed(owner, policy(), NOW + 2)).startswith("restricted:")


# --- 3: this relay


def test_an_event_for_another_relay_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path, settings={"relay_urls": (RELAY,)})
    other = signed(owner, OPEN, tags=[["relay", "wss://other.example"]])
    assert "meant for another relay" in world.refused(other)
    world.applied(signed(owner, OPEN, NOW, tags=[["relay", RELAY + "/"]]))
    world.applied(signed(owner, policy(), NOW + 1))


def test_a_relay_tag_may_be_required(tmp_path: Path) -> None:
    world = World(tmp_path, settings={"relay_urls": (RELAY,), "require_relay_tag": True})
    assert "has no relay tag" in world.refused(signed(owner, OPEN))
    world.applied(signed(owner, OPEN, tags=[["relay", RELAY]]))


# --- 4: fresh


def test_an_event_of_the_far_future_is_refused(world: World) -> None:
    message = world.refused(signed(owner, OPEN, NOW + 601))
    assert "601 seconds ahead" in message
    world.applied(signed(owner, OPEN, NOW + 600))


def test_of_one_second_the_higher_id_is_newer(world: World) -> None:
    events = [signed(owner, policy(_n=n), NOW) for n in range(2)]
    lower, higher = sorted(events, key=lambda event: event.id)
    world.applied(higher)
    assert "has a higher id" in world.refused(lower)


def test_an_admin_who_dates_ahead_does_not_shut_the_owner_out(world: World) -> None:
    """Her mark is her own."""
    world.applied(signed(admin, {"kind_blacklist_add": [7]}, NOW + 600))
    world.applied(signed(owner, OPEN, NOW + 1))
    assert "is newer" in world.refused(signed(admin, {"kind_whitelist_add": [7]}, NOW + 599))
    world.applied(signed(second_admin, {"kind_blacklist_add": [8]}, NOW + 2))


@pytest.fixture
def applied_twice(world: World) -> tuple[World, list[Any]]:
    """A world in which an owner has applied two policies, and both events."""
    events = [signed(owner, OPEN, NOW), signed(owner, policy(), NOW + 1)]
    for event in events:
        world.applied(event)
    return world, events


def refuses_replays(world: World, events: list[Any]) -> None:
    """All of them, now and after a restart."""
    for _ in range(2):
        for event in events:
            assert "the policy event is not new" in world.refused(event)
        world.restart()


def test_a_replay_is_refused(applied_twice: tuple[World, list[Any]]) -> None:
    refuses_replays(*applied_twice)


def test_a_replay_is_refused_after_an_edit_that_takes_the_mark_away(
    applied_twice: tuple[World, list[Any]],
) -> None:
    """While nobody looks."""
    world, events = applied_twice
    world.save(policy(default_policy="allow", _edited=True))
    world.restart()
    refuses_replays(world, events)


def test_a_replay_is_refused_after_the_freshness_file_was_lost(
    applied_twice: tuple[World, list[Any]],
) -> None:
    """The policy file knows its own mark; and who is running knows more."""
    world, events = applied_twice
    contribution = signed(admin, {"kind_blacklist_add": [7]}, NOW + 2)
    withdrawn = signed(admin, {"kind_blacklist_add": [8]}, NOW + 3)
    world.applied(contribution)
    world.applied(withdrawn)
    world.applied(withdrawing(admin, withdrawn))
    (world.folder / "policy-history" / "freshness.json").unlink()
    refuses_replays(world, [*events, contribution, withdrawn])
    shutil.rmtree(world.folder / "policy-history")
    refuses_replays(world, [*events, contribution, withdrawn])


def test_a_replay_is_refused_after_an_older_file_was_put_back(
    applied_twice: tuple[World, list[Any]],
) -> None:
    """A rollback does not lower the mark; with the mark in the older file, without, or spoilt."""
    world, events = applied_twice
    older = json.dumps({**OPEN, "_policy_event": mark_json(events[0])})
    spoilt = json.dumps({**OPEN, "_policy_event": {"id": "../x"}})
    for content in (older, json.dumps(OPEN), spoilt):
        world.save(content)
        world.restart()
        refuses_replays(world, events)


def mark_json(event: Any) -> dict[str, Any]:
    return {"id": event.id, "created_at": event.created_at, "pubkey": event.pubkey}


def test_a_freshness_file_that_says_nothing_stops_the_start_and_the_changes(
    applied_twice: tuple[World, list[Any]],
) -> None:
    """Never taken for an empty one. Decisions go on."""
    world, _ = applied_twice
    (world.folder / "policy-history" / "freshness.json").write_text("{}")
    message = world.refused(signed(owner, OPEN, NOW + 5))
    assert message == "error: the policy cannot be changed now"
    assert world.may_write(owner)
    with pytest.raises(Exception, match=r"freshness\.json cannot be used"):
        PolicyPlugin.load(world.file)


# --- 5: content

DEEP = "[" * 100_000 + "]" * 100_000
CONTENTS: dict[str, tuple[Any, str]] = {
    "nothing": ("", "content: "),
    "truncated": (json.dumps(OPEN)[:-1], "content: "),
    "not JSON": ("policy: allow", "content: "),
    "deep": (DEEP, "content: "),
    "deep in a comment": ('{"_": ' + DEEP + "}", "content: "),
    "a list": ([], "expected an object"),
    "a text": ('"allow"', "expected an object"),
    "null": ("null", "expected an object"),
    "an unknown key": ({**OPEN, "defualt_policy": "allow"}, "defualt_policy: "),
    "a key twice": ('{"owners": [], "owners": []}', "'owners' occurs more than once"),
    "wrong types": (policy(rules={"1": {"size_limit": "5"}}), "rules.1.size_limit: "),
    "a wrong kind": (policy(kind={"whitelist": [70000]}), "kind.whitelist"),
    "NaN": ('{"rules": {"1": {"size_limit": NaN}}}', "size_limit"),
    "a bad regex": (policy(rules={"1": {"identifier_regex": "("}}), "rules.1.identifier_regex: "),
    "no owners": (policy(owners=[]), "owners: names nobody"),
    "nothing at all": ({}, "owners: names nobody"),
    "other owners only": (policy(owners=[friend.pubkey]), "owners: does not name"),
    "a bad owner": (policy(owners=[owner.pubkey, "me"]), "owners[1]: "),
    "its author denied": (
        policy(rules={"7": {"write_deny": [foe.pubkey, owner.pubkey]}}),
        "rules.7.write_deny[1]: denies",
    ),
    "its author not to read": (
        policy(**{"global": {"read_deny": [owner.pubkey]}}),
        "global.read_deny[0]: denies",
    ),
    "a script": (policy(rules={"1": {"script": "/bin/sh"}}), "rules.1.script: "),
    "a script of everything": (policy(**{"global": {"script": "../x"}}), "global.script: "),
    "a contribution": ({"kind_whitelist_add": [7]}, "kind_whitelist_add: "),
    "both": ({**OPEN, "kind_whitelist_add": [7]}, "beside a contribution's"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_a_wrong_content_changes_nothing(world: World, name: str) -> None:
    """The message names the place."""
    content, place = CONTENTS[name]
    message = world.refused(signed(owner, content))
    assert message.startswith("invalid: ")
    assert place in message


def test_every_wrong_place_is_named(world: World) -> None:
    wrong = policy(owners=[], rules={"7": {"read_deny": [owner.pubkey], "script": "x"}})
    message = world.refused(signed(owner, wrong))
    for place in ("owners", "rules.7.read_deny[0]", "rules.7.script"):
        assert place in message


def test_a_mark_in_the_content_is_dropped(world: World) -> None:
    """Or an owner's event could shut out all later ones."""
    smuggled = {"id": "ff" * 32, "created_at": 2**62, "pubkey": foe.pubkey}
    event = signed(owner, {**OPEN, "_policy_event": smuggled})
    world.applied(event)
    assert read_json(world.file)["_policy_event"] == mark_json(event)
    world.restart()
    assert world.freshness["owner"]["created_at"] == NOW
    world.applied(signed(owner, policy(), NOW + 1))


def test_a_kind_that_is_no_policy_event_changes_nothing(world: World) -> None:
    """Through the hook all the same."""
    for kind in (0, 1, 3, 12344):
        world.refused(signed(owner, OPEN, kind=kind))


# --- disks


def test_a_state_folder_that_cannot_be_made_refuses_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policy itself is enforced."""
    fails(monkeypatch, "mkdir")
    world = World(tmp_path)
    assert world.may_write(owner)
    assert world.refused(signed(owner, OPEN)) == UNWRITABLE
    assert world.refused(signed(admin, {"kind_blacklist_add": [1]})) == UNWRITABLE
    assert world.may_write(owner)


UNWRITABLE = "error: the policy file cannot be written"


def fails(monkeypatch: pytest.MonkeyPatch, name: str, after: int = 0) -> None:
    """Let a system call fail as on a full disk, from the n-th on."""
    real, calls = getattr(os, name), [0]

    def failing(*arguments: Any, **more: Any) -> Any:
        calls[0] += 1
        if calls[0] > after:
            raise OSError(28, "No space left on device")
        return real(*arguments, **more)

    monkeypatch.setattr(os, name, failing)


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_full_disk_changes_nothing(
    world: World, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither for an owner nor for an admin; and it works again when there is room."""
    for event in (signed(owner, OPEN), signed(admin, {"kind_blacklist_add": [7]})):
        with monkeypatch.context() as patched:
            fails(patched, call)
            assert world.refused(event) == UNWRITABLE
        world.applied(event)
        world.now += 1


@pytest.mark.parametrize("key", [owner, admin])
@pytest.mark.parametrize("after", range(8))
def test_a_disk_that_fills_up_in_the_middle_leaves_the_old_or_the_new(
    world: World, key: Key, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was answered is what holds, here and after a restart; a replay changes nothing."""
    event = signed(key, OPEN if key is owner else {"kind_blacklist_add": [1]})
    before = world.version
    with monkeypatch.context() as patched:
        fails(patched, "replace", after)
        accepted = world.apply(event).accepted
    in_force = world.version
    assert (in_force != before) is accepted
    world.restart()
    assert world.version == in_force
    if accepted:
        assert "applied already" in world.refused(event)
