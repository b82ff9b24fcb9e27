"""Follow lists: section 7 of the spec, from the hook to the disk and back."""

import json
import time
from pathlib import Path
from typing import Any

import attrs
import pytest
from examples import NOW

from orly_policy_hookspecs import StartContext
from orly_policy_hookspecs.nip01 import Address
from orly_policy_plugin.live import MissingFollowLists

from .making import (
    World,
    admin,
    eventually,
    foe,
    follows,
    friend,
    owner,
    policy,
    read_json,
    second_admin,
    signed,
    stranger,
)

BY_ADMINS = policy(
    policy_follow_whitelist_enabled=True, rules={"1": {"write_allow_follows": True}}
)
BY_OWNER = policy(rules={"1": {"write_follows_whitelist": [owner.pubkey]}})


@pytest.fixture
def world(world: World) -> World:
    """Whom an admin follows may write kind 1."""
    world.save(BY_ADMINS)
    world.restart()
    return world


def test_a_follow_opens_and_an_unfollow_closes(world: World) -> None:
    assert not world.may_write(friend)
    world.follow(follows(admin, friend, foe))
    assert world.may_write(friend)
    assert world.may_write(foe)
    world.follow(follows(admin, friend, created_at=NOW + 1))
    assert world.may_write(friend)
    assert not world.may_write(foe)
    world.follow(follows(admin, created_at=NOW + 2))
    assert not world.may_write(friend)
    world.restart()
    assert not world.may_write(friend)


def test_an_older_list_changes_nothing(world: World) -> None:
    world.follow(follows(admin, friend))
    before = world.on_disk()
    world.follow(follows(admin, foe, created_at=NOW - 1))
    assert not world.may_write(foe)
    assert world.may_write(friend)
    assert world.on_disk() == before


@pytest.mark.parametrize("first", [0, 1])
def test_of_one_second_the_lower_id_counts(world: World, first: int) -> None:
    """Whatever comes first."""
    lists = [follows(admin, friend), follows(admin, foe)]
    by_id = sorted(lists, key=lambda event: event.id)
    world.follow(by_id[first])
    world.follow(by_id[1 - first])
    winner = friend if by_id[0] is lists[0] else foe
    assert world.may_write(winner)
    assert [world.may_write(friend), world.may_write(foe)].count(True) == 1


def test_a_forged_list_is_ignored(world: World, caplog: pytest.LogCaptureFixture) -> None:
    good = follows(admin, friend)
    before = world.on_disk()
    for forged in (
        attrs.evolve(good, tags=[["p", foe.pubkey]]),
        attrs.evolve(follows(stranger, foe), pubkey=admin.pubkey),
        attrs.evolve(good, sig="00" * 64),
        attrs.evolve(good, id="../" + "0" * 61),
    ):
        world.follow(forged)
    assert world.on_disk() == before
    assert not world.may_write(friend)
    assert not world.may_write(foe)
    assert "not genuine" in caplog.text


def test_a_list_dated_far_ahead_is_ignored(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Or no later one would ever count."""
    world.follow(follows(admin, foe, created_at=NOW + 601))
    assert not world.may_write(foe)
    assert "too far ahead" in caplog.text
    world.follow(follows(admin, friend, created_at=NOW + 600))
    assert world.may_write(friend)


def test_a_list_that_nobody_needs_is_not_kept(world: World) -> None:
    before = world.on_disk()
    world.follow(follows(stranger, stranger))
    assert world.on_disk() == before
    assert not world.may_write(stranger)


def test_an_event_of_another_kind_is_no_list(world: World) -> None:
    """Whatever the host gives us."""
    world.follow(signed(admin, "", kind=1, tags=[["p", foe.pubkey]]))
    assert not world.may_write(foe)


def test_lists_survive_a_restart_and_a_reload(world: World) -> None:
    event = follows(admin, friend)
    world.follow(event)
    world.restart()
    assert world.may_write(friend)
    world.applied(signed(owner, {**BY_ADMINS, "_n": 2}))
    assert world.may_write(friend)
    with world.running():
        world.save({**BY_ADMINS, "kind": {"blacklist": [7]}})
        eventually(lambda: world.plugin.snapshot.policy.kind.blacklist == (7,))
        assert world.may_write(friend)
    assert read_json(world.folder / "policy-follows" / f"{admin.pubkey}.json")["id"] == event.id


def test_a_list_that_a_later_policy_needs_is_there(world: World) -> None:
    """Policy admins' lists are kept in any case."""
    world.applied(signed(owner, policy()))
    assert not world.may_write(friend)
    world.follow(follows(admin, friend))
    assert not world.may_write(friend)
    world.applied(signed(owner, BY_ADMINS, NOW + 1))
    assert world.may_write(friend)


def test_what_the_host_is_asked_for(world: World) -> None:
    both = {admin.pubkey, second_admin.pubkey}
    assert world.plugin.required_follow_lists() == both
    assert world.plugin.missing_follow_lists() == both
    world.follow(follows(admin))
    assert world.plugin.missing_follow_lists() == {second_admin.pubkey}
    world.applied(signed(owner, policy(rules={"1": {"follows_whitelist_admins": [foe.pubkey]}})))
    assert world.plugin.required_follow_lists() == {*both, foe.pubkey}
    assert world.plugin.missing_follow_lists() == {foe.pubkey}
    assert world.plugin.unknown_follow_lists() == {second_admin.pubkey, foe.pubkey}
    more = {"rules_extend": {"1": {"follows_whitelist_admins_add": [stranger.pubkey]}}}
    world.applied(signed(admin, more, NOW + 1))
    assert world.plugin.missing_follow_lists() == {foe.pubkey, stranger.pubkey}


# --- at start


def test_a_missing_list_stops_the_start_with_its_author_named(world: World) -> None:
    world.follow(follows(admin, friend))
    with pytest.raises(MissingFollowLists) as error:
        world.plugin.check_follow_lists()
    assert second_admin.pubkey in str(error.value)
    assert admin.pubkey not in str(error.value)
    assert "orly-policy follows import" in str(error.value)
    world.follow(follows(second_admin))
    world.plugin.check_follow_lists()


def test_a_missing_list_may_be_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "policy.json").write_text(json.dumps(BY_OWNER))
    world = World(tmp_path, settings={"missing_follow_lists": "warn"})
    world.plugin.check_follow_lists()
    assert f"no follow list is known of {owner.pubkey}" in caplog.text
    assert not world.may_write(friend)


def test_what_an_event_asked_for_never_stops_the_start(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Or a policy event could keep the relay from starting again."""
    world.applied(signed(owner, BY_OWNER))
    world.restart()
    world.plugin.check_follow_lists()
    assert owner.pubkey in caplog.text


def test_what_a_contribution_asked_for_never_stops_the_start(world: World) -> None:
    world.save(policy())
    world.restart()
    more = {"rules_extend": {"1": {"follows_whitelist_admins_add": [stranger.pubkey]}}}
    world.applied(signed(admin, more))
    world.restart()
    assert world.plugin.missing_follow_lists() == {stranger.pubkey}
    world.plugin.check_follow_lists()


# --- what lies in the folder


@pytest.mark.parametrize("how", ["tags", "other", "name", "empty", "half", "folder", "link"])
def test_a_tampered_file_counts_for_nothing(
    world: World, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """And does not keep the next list out."""
    world.follow(follows(admin, friend))
    file = world.folder / "policy-follows" / f"{admin.pubkey}.json"
    value = read_json(file)
    if how == "tags":
        value["tags"] = [["p", foe.pubkey]]
    if how == "other":
        value = {name: getattr(follows(stranger, foe), name) for name in value}
    file.write_text({"empty": "", "half": "{"}.get(how, json.dumps(value)))
    if how == "name":
        file.rename(file.with_name(f"{second_admin.pubkey}.json"))
    if how == "folder":
        file.unlink()
        file.mkdir()
    if how == "link":
        file.rename(world.folder / "elsewhere")
        file.symlink_to(world.folder / "elsewhere")
    world.restart()
    assert not world.may_write(friend)
    assert not world.may_write(foe)
    assert "policy-follows" in caplog.text
    if how not in ("folder", "link"):
        world.follow(follows(admin, friend))
        assert world.may_write(friend)


def no_room(*arguments: Any, **more: Any) -> None:
    raise OSError(28, "No space left on device")


def test_a_full_disk_keeps_lists_in_memory(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An unfollow counts, and what else changes in the folder does not undo it."""
    world.follow(follows(admin, friend))
    with world.running():
        with monkeypatch.context() as patched:
            patched.setattr("os.replace", no_room)
            world.follow(follows(admin, foe, created_at=NOW + 1))
        assert "a follow list is not kept" in caplog.text
        assert (world.may_write(friend), world.may_write(foe)) == (False, True)
        world.follow(follows(second_admin, stranger))
        assert world.may_write(stranger)
        assert (world.may_write(friend), world.may_write(foe)) == (False, True)
        world.applied(signed(owner, {**BY_ADMINS, "kind": {"blacklist": [7]}}))
        assert (world.may_write(friend), world.may_write(foe)) == (False, True)
    world.follow(follows(admin, friend, created_at=NOW + 2))
    world.restart()
    assert (world.may_write(friend), world.may_write(foe)) == (True, False)


def test_without_a_state_folder_lists_are_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be made there."""
    (tmp_path / "policy.json").write_text(json.dumps(BY_ADMINS))
    monkeypatch.setattr("os.mkdir", no_room)
    world = World(tmp_path)
    world.follow(follows(admin, friend))
    assert world.may_write(friend)
    world.follow(follows(admin, created_at=NOW + 1))
    assert not world.may_write(friend)
    world.follow(follows(admin, friend))
    assert not world.may_write(friend)
    assert [path.name for path in tmp_path.iterdir()] == ["policy.json"]


# --- given by a call


def test_lists_given_by_a_call_stand_in_for_the_learned_ones(world: World) -> None:
    world.follow(follows(admin, friend))
    world.plugin.set_follows({admin.pubkey: [foe.pubkey]})
    assert (world.may_write(friend), world.may_write(foe)) == (False, True)
    world.follow(follows(admin, stranger, created_at=NOW + 1))
    assert not world.may_write(stranger)
    world.plugin.set_follows(None)
    assert world.may_write(stranger)


def test_a_listener_may_ask_for_changes_itself(world: World) -> None:
    """It is called when no lock is held, so that it may even wait for another thread's change."""
    heard: list[bool] = []

    def feed(old: Any, new: Any) -> None:
        heard.append(True)
        world.plugin.set_follows({admin.pubkey: [friend.pubkey]})
        world.follow(follows(admin, foe))
        world.applied(signed(owner, {**BY_ADMINS, "_n": len(heard)}, NOW + len(heard)))
        if len(heard) == 3:
            world.plugin.set_follows(None)
            raise RuntimeError("from here on it hears no more")

    def feed_at_first(old: Any, new: Any) -> None:
        if len(heard) < 3:
            feed(old, new)

    world.plugin.listen(feed_at_first)
    world.follow(follows(second_admin, stranger))
    eventually(lambda: len(heard) == 3 and world.may_write(foe))


def test_a_listener_that_gives_the_same_lists_each_time_comes_to_an_end(world: World) -> None:
    heard = []

    def feed(old: Any, new: Any) -> None:
        heard.append(new)
        assert len(heard) < 10
        world.plugin.set_follows({admin.pubkey: [friend.pubkey]})

    world.plugin.listen(feed)
    world.applied(signed(owner, {**BY_ADMINS, "kind": {"blacklist": [7]}}))
    eventually(lambda: len(heard) == 2 and world.may_write(friend))


def test_a_relay_that_is_told_of_a_change_does_not_wait_for_the_lists(world: World) -> None:
    """It asks for what is needed on its event loop: ten thousand are made out by then."""
    authors = [f"{number:064x}" for number in range(1, 10_001)]
    of_many = policy(rules={"1": {"follows_whitelist_admins": authors}})
    told: list[tuple[int, float]] = []

    def changed() -> None:
        before = time.thread_time()
        needed = world.gate.needed_lists()
        told.append((len(needed), time.thread_time() - before))

    before = time.thread_time()
    for author in authors:
        hash(Address(3, author, ""))
    takes = time.thread_time() - before
    world.plugin.on_start(StartContext(relay_urls=(), changed=changed))
    world.plugin.replace_policy(json.dumps(of_many).encode())
    eventually(lambda: told)
    count, seconds = told[-1]
    assert count > len(authors)
    assert seconds < takes / 2
