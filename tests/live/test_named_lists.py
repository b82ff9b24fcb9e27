"""Named lists: section 14 of the spec, from their files to decisions."""

import json
import logging
import os
import threading
from collections import deque
from hashlib import sha256
from typing import Any

import attrs
import pytest
from examples import NOBODY, NOW

from orly_policy_hookspecs import hookimpl
from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.lists.files import MOST_BYTES
from orly_policy_plugin.live import ListStatus, MissingFollowLists, next_start
from orly_policy_plugin.plugin import PolicyPlugin
from orly_policy_plugin.policy import InvalidPolicy, Problem

from .making import (
    World,
    admin,
    eventually,
    foe,
    follows,
    friend,
    owner,
    policy,
    second_admin,
    signed,
    stranger,
)

MEMBERS = {"members": {"file": "members.txt"}}
RULE = {"write_allow": ["@members"]}
BY_MEMBERS = policy(lists=MEMBERS, rules={"1": RULE})
WITHOUT_SPAMMERS = policy(
    default_policy="allow",
    lists={"spammers": {"file": "spammers.txt"}},
    rules={"1": {"write_deny": ["@spammers"]}},
)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No host feeds follow lists here."""
    monkeypatch.setattr(next_start, "GRACE_SECONDS", 0.05)
    monkeypatch.setattr(next_start, "AGAIN_SECONDS", 0.1)


def listing(world: World, *keys: Any, name: str = "members.txt") -> None:
    """Write a list as an editor that renames."""
    temporary = world.folder / f".{name}.new"
    temporary.write_text("".join(f"{getattr(key, 'pubkey', key)}\n" for key in keys))
    temporary.replace(world.folder / name)


@pytest.fixture
def members(world: World) -> World:
    """Members may write kind 1; the friend is one."""
    listing(world, friend)
    world.save(BY_MEMBERS)
    world.restart()
    return world


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.message for each in caplog.records if "the list" in each.message]


# --- a file that is there


def test_its_keys_are_in_the_place_of_the_name(members: World) -> None:
    assert members.may_write(friend)
    assert not members.may_write(foe)
    assert members.plugin.status.lists == (ListStatus("members", 1),)


def test_a_change_of_the_file_is_obeyed(members: World, caplog: pytest.LogCaptureFixture) -> None:
    """The version stays: the policy is the same. The log says which list has changed."""
    caplog.set_level(logging.INFO, "orly_policy_plugin")
    version = members.version
    with members.running():
        listing(members, foe, stranger)
        eventually(lambda: members.may_write(foe))
        assert not members.may_write(friend)
        eventually(lambda: members.plugin.status.lists == (ListStatus("members", 2),))
    assert members.version == version
    assert said(caplog) == ["the list @members (2 keys) is in force (before: 1 key)"]


def test_a_change_before_the_start_is_seen(members: World) -> None:
    listing(members, foe)
    with members.running():
        eventually(lambda: members.may_write(foe))


def test_a_file_that_is_written_in_place(members: World) -> None:
    with members.running():
        with (members.folder / "members.txt").open("a") as file:
            file.write(f"# new\n\n {foe.pubkey}  # the foe\r\n")
        eventually(lambda: members.may_write(foe))
        assert members.may_write(friend)


def test_a_symlink_that_is_switched(world: World) -> None:
    """As Kubernetes does it: the folder's link is another one, the file's stays."""
    for name, key in (("..one", friend), ("..two", foe)):
        (world.folder / name).mkdir()
        (world.folder / name / "members.txt").write_text(f"{key.pubkey}\n")
    (world.folder / "..data").symlink_to("..one")
    (world.folder / "members.txt").symlink_to("..data/members.txt")
    world.save(BY_MEMBERS)
    world.restart()
    assert world.may_write(friend)
    with world.running():
        (world.folder / "..data_tmp").symlink_to("..two")
        (world.folder / "..data_tmp").rename(world.folder / "..data")
        eventually(lambda: world.may_write(foe))
        assert not world.may_write(friend)


def test_two_names_of_one_file_share_its_keys(world: World) -> None:
    listing(world, friend)
    twice = {"members": {"file": "members.txt"}, "readers": {"file": "members.txt"}}
    rules = {"1": {"write_allow": ["@members"], "read_allow": ["@readers", owner.pubkey]}}
    world.save(policy(lists=twice, rules=rules))
    world.restart()
    lists = world.plugin.snapshot.lists
    assert lists["members"] is lists["readers"]
    with world.running():
        listing(world, foe)
        eventually(lambda: world.may_write(foe))
        assert world.may_read(foe)
        assert world.may_read(owner)
        assert not world.may_read(friend)


def test_a_nostr_json(world: World) -> None:
    """Names and keys as NIP-05 has them; what else is in it does not matter."""
    file = world.folder / "nostr.json"
    file.write_text(json.dumps({"names": {"_": friend.pubkey}, "relays": {friend.pubkey: []}}))
    lists = {"staff": {"nostr_json": "nostr.json"}}
    world.save(policy(lists=lists, rules={"1": {"write_allow": ["@staff"]}}))
    world.restart()
    assert world.may_write(friend)
    with world.running():
        file.write_text(json.dumps({"names": {"a": foe.pubkey, "b": owner.pubkey}}))
        eventually(lambda: world.may_write(foe))
        assert not world.may_write(friend)
        file.write_text(json.dumps({"names": {"a": foe.pubkey, "b": "me"}}))
        eventually(lambda: bool(world.plugin.status.lists[0].problems))
        problem = world.plugin.status.lists[0].problems[0].message
        assert problem.startswith("nostr.json: names.b: 'me' is not a public key")
        assert world.may_write(foe)


def test_whom_those_of_a_list_follow(world: World) -> None:
    """The follow lists of a list's keys are needed, and those of a new key as well."""
    listing(world, friend)
    world.save(policy(lists=MEMBERS, rules={"1": {"follows_whitelist_admins": ["@members"]}}))
    world.restart()
    assert world.plugin.missing_follow_lists() == {friend.pubkey}
    world.follow(follows(friend, stranger))
    assert world.may_write(stranger)
    with world.running():
        listing(world, foe)
        eventually(lambda: world.plugin.missing_follow_lists() == {foe.pubkey})
        assert not world.may_write(stranger)
        world.follow(follows(foe, stranger))
        assert world.may_write(stranger)


# --- a file that cannot be read


def test_a_bad_line_keeps_the_last_good_content(
    members: World, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told with its place: in the log, in the status, and for the next start."""
    with members.running():
        listing(members, friend, "# the others", foe, "xyz")
        eventually(lambda: bool(members.plugin.status.next_start))
        told = "members.txt:4: 'xyz' is not a public key: 64 hex characters or npub1…"
        assert members.plugin.status.lists == (ListStatus("members", 1, (Problem("", told),)),)
        assert members.plugin.status.next_start == (Problem("lists.members", told),)
        with pytest.raises(PolicyError, match=r"^lists\.members: members\.txt:4: 'xyz'"):
            PolicyPlugin.load(members.file)
        assert members.may_write(friend)
        assert not members.may_write(foe)
        listing(members, friend, foe)
        eventually(lambda: members.may_write(foe))
        eventually(lambda: not members.plugin.status.next_start)
        assert members.plugin.status.lists == (ListStatus("members", 2),)
    assert said(caplog) == [
        f"the list @members (1 key) stays as it is: {told}",
        "the list @members (2 keys) can be read again",
    ]


@pytest.mark.parametrize("content", [None, "", "\n \n"])
def test_a_file_that_is_gone_or_empty_keeps_nobody_out_and_lets_nobody_in(
    members: World, content: str | None
) -> None:
    """An empty file may be a save that went wrong. A comment makes it a list of nobody."""
    file = members.folder / "members.txt"
    with members.running():
        file.unlink() if content is None else file.write_text(content)
        eventually(lambda: bool(members.plugin.status.lists[0].problems))
        assert members.may_write(friend)
        file.write_text(f"{friend.pubkey}\n")  # as it was
        eventually(lambda: not members.plugin.status.lists[0].problems)
        file.write_text("# nobody\n")
        eventually(lambda: not members.may_write(friend))


def test_a_change_of_the_policy_keeps_the_last_good_content(members: World) -> None:
    with members.running():
        listing(members, "xyz")
        eventually(lambda: bool(members.plugin.status.lists[0].problems))
        members.save({**BY_MEMBERS, "kind": {"blacklist": [7]}})
        eventually(lambda: members.plugin.snapshot.policy.kind.blacklist == (7,))
        assert members.may_write(friend)
        assert members.plugin.status.lists[0].problems


@pytest.mark.parametrize("written", [BY_MEMBERS, WITHOUT_SPAMMERS])
def test_one_never_read_stops_the_start(world: World, written: dict[str, Any]) -> None:
    """Whether it lets in or keeps out: nothing is decided without it."""
    world.save(written)
    with pytest.raises(InvalidPolicy, match=r"^lists\.\w+: \w+\.txt is not there$"):
        PolicyPlugin.load(world.file)


def test_a_reload_that_names_an_unreadable_one_is_refused(world: World) -> None:
    """The last good policy stays, until the list is there and the policy is saved again."""
    before = world.version
    with world.running():
        world.save(WITHOUT_SPAMMERS)
        eventually(lambda: bool(world.plugin.status.problems))
        assert world.plugin.status.problems[0].place == "lists.spammers"
        assert world.version == before
        assert world.may_write(owner)
        listing(world, foe, name="spammers.txt")
        world.save({**WITHOUT_SPAMMERS, "_n": 2})
        eventually(lambda: world.version != before)
        assert not world.may_write(foe)
        assert world.may_write(friend)


def test_what_a_refused_policy_has_read_is_no_last_good_content(world: World) -> None:
    """It never counted, and may be old."""
    both = {"spammers": {"file": "spammers.txt"}, **MEMBERS}
    written = json.dumps({**WITHOUT_SPAMMERS, "lists": both}).encode()
    listing(world, foe, name="spammers.txt")
    with pytest.raises(InvalidPolicy, match="members"):
        world.plugin.replace_policy(written)
    listing(world, friend)
    listing(world, "xyz", name="spammers.txt")
    with pytest.raises(InvalidPolicy, match=r"^lists\.spammers: spammers\.txt:1: 'xyz'"):
        world.plugin.replace_policy(written)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(members: World) -> None:
    (members.folder / "members.txt").chmod(0)
    with pytest.raises(PolicyError, match=r"members\.txt may not be read"):
        PolicyPlugin.load(members.file)


def test_a_file_that_is_too_large(world: World) -> None:
    """It is not read."""
    with (world.folder / "members.txt").open("wb") as file:
        file.truncate(MOST_BYTES + 1)  # a hole: it takes no room on the disk
    world.save(BY_MEMBERS)
    with pytest.raises(PolicyError, match=r"members\.txt is over 268435456 bytes"):
        PolicyPlugin.load(world.file)


def test_a_pipe_is_no_list(world: World) -> None:
    """Nothing waits for a writer."""
    os.mkfifo(world.folder / "members.txt")
    world.save(BY_MEMBERS)
    with pytest.raises(PolicyError, match=r"members\.txt is no ordinary file"):
        PolicyPlugin.load(world.file)


@attrs.define(eq=False)
class SavesAList:
    """A plugin that checks its settings until another list is in force."""

    world: World
    checked: int = 0

    @hookimpl
    def configure(self, settings: dict[str, Any]) -> None:
        if settings:
            self.checked += 1
            listing(self.world, foe)
            eventually(lambda: self.world.may_write(foe))


def test_a_policy_that_was_made_ready_before_does_not_bring_an_old_list_back(
    members: World,
) -> None:
    """The list changes after the policy has asked for it, and before it is in force."""
    plugin = SavesAList(members)
    members.gate.register(plugin, "slow")
    members.gate.check()
    with members.running():
        members.save({**BY_MEMBERS, "plugins": {"slow": {"_": 1, "most": 2}}})
        eventually(lambda: bool(members.plugin.snapshot.policy.plugins))
        assert members.may_write(foe)
        assert not members.may_write(friend)
    assert plugin.checked == 2


# --- who may


def test_an_owners_event_may_name_lists_that_can_be_read(world: World) -> None:
    """What is wrong with a file of the relay's machine is not told to the client."""
    listing(world, friend)
    world.applied(signed(owner, BY_MEMBERS))
    assert world.may_write(friend)
    listing(world, "a secret", name="spammers.txt")
    answer = world.refused(signed(owner, WITHOUT_SPAMMERS, NOW + 1))
    assert answer == "invalid: lists.spammers: cannot be read; the relay's log says why"


def test_the_lists_of_a_new_policy_are_followed(world: World) -> None:
    listing(world, friend)
    with world.running():
        world.applied(signed(owner, BY_MEMBERS))
        listing(world, foe)
        eventually(lambda: world.may_write(foe))


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"rules_extend": {"1": {"write_allow_add": ["@members"]}}}, "write_allow_add[0]"),
        ({"rules_add": {"7": {"write_deny": ["@members"]}}}, "rules_add.7.write_deny[0]"),
        ({**BY_MEMBERS, "lists": {**MEMBERS, "x": {"file": "x"}}}, "lists: an admin cannot"),
        ({**BY_MEMBERS, "lists": {}}, "rules.1.write_allow[0]: '@members' names no list"),
        (
            {
                **BY_MEMBERS,
                "rules": {"1": {"write_allow": ["@members"], "read_deny": ["@members"]}},
            },
            "rules.1.read_deny[0]: an admin cannot name a list",
        ),
        (
            {**BY_MEMBERS, "rules": {**BY_MEMBERS["rules"], "7": {"read_allow": ["@members"]}}},
            "rules.7.read_allow[0]: an admin cannot name a list",
        ),
    ],
)
def test_an_admin_adds_no_list_and_no_name(
    members: World, content: dict[str, Any], place: str
) -> None:
    answer = members.refused(signed(admin, content))
    assert place in answer
    assert "members.txt" not in answer


def test_an_admin_adds_keys_beside_a_name(members: World) -> None:
    """What the owner names stays as it is; in both forms."""
    rule = {"1": {"write_allow": ["@members", foe.pubkey]}}
    members.applied(signed(admin, {**BY_MEMBERS, "rules": rule}))
    assert members.may_write(foe)
    assert members.may_write(friend)


# --- threads


def test_it_has_threads_only_where_there_are_lists(world: World, members: World) -> None:
    def threads() -> list[str]:
        return [each.name for each in threading.enumerate() if "lists" in each.name]

    with members.running():
        assert "orly-policy-lists" in threads()
    eventually(lambda: not [name for name in threads() if name == "orly-policy-lists"])


def test_saving_policy_and_list_at_once(members: World) -> None:
    """Whatever comes first, both are in force in the end."""
    with members.running():
        for number in range(5):
            key = (foe, friend)[number % 2]
            listing(members, key)
            members.save({**BY_MEMBERS, "kind": {"blacklist": [number + 10]}})
            eventually(lambda key=key: members.may_write(key))  # type: ignore[misc]
            eventually(
                lambda number=number: (
                    members.plugin.snapshot.policy.kind.blacklist  # type: ignore[misc]
                    == (number + 10,)
                )
            )


# --- authors' lists


def of(key: Any, kind: int, **more: Any) -> dict[str, Any]:
    return {"author": key.pubkey, "kind": kind, **more}


def listed(key: Any, kind: int, *keys: Any, created_at: int = NOW, d: str | None = None) -> Any:
    """An author's list; some of it is encrypted in its content."""
    tags = [["d", d]] if d is not None else []
    tags += [["p", each.pubkey] for each in keys] + [["p", "nobody"], ["t", foe.pubkey], ["p"]]
    return signed(key, "encrypted", created_at, kind=kind, tags=tags)


def tell(world: World, event: Any) -> None:
    """As a host does."""
    gate = world.gate.blocking
    (gate.kind3 if event.kind == 3 else gate.list_event)(event, NOBODY)


SOURCES = [of(owner, 3), of(owner, 10_000), of(owner, 30_000, d="a/../ü")]


@pytest.fixture(params=SOURCES, ids=lambda source: f"kind {source['kind']}")
def people(request: pytest.FixtureRequest, world: World) -> World:
    """Those of a list of the owner may write kind 1, if there are two of them."""
    lists = {"people": {**request.param, "at_least": 2}}
    world.save(policy(lists=lists, rules={"1": {"write_allow": ["@people"]}}))
    world.restart()
    return world


def version(world: World, *keys: Any, created_at: int = NOW, by: Any = owner) -> Any:
    """A version of the list that the policy names."""
    source = world.plugin.snapshot.policy.lists["people"]
    assert source.kind is not None
    return listed(by, source.kind, *keys, created_at=created_at, d=source.d)


def may(world: World) -> tuple[bool, ...]:
    return tuple(world.may_write(key) for key in (friend, foe, stranger))


def test_the_newest_event_of_an_author_is_the_list(
    people: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Whole; it survives a restart, and the policy's version stays."""
    caplog.set_level(logging.INFO, "orly_policy_plugin")
    before = people.version
    assert may(people) == (False, False, False)
    tell(people, version(people, friend, foe))
    assert may(people) == (True, True, False)
    tell(people, version(people, foe, stranger, created_at=NOW + 1))
    tell(people, version(people, friend, foe, created_at=NOW))
    assert may(people) == (False, True, True)
    people.restart()
    assert may(people) == (False, True, True)
    assert people.version == before
    assert people.plugin.status.lists == (ListStatus("people", 2),)
    assert said(caplog) == [
        "the list @people (2 keys) is in force (before: not known)",
        "the list @people (2 keys) is in force (before: 2 keys)",
    ]


def test_of_one_second_the_list_with_the_lower_id_counts(people: World) -> None:
    one, other = version(people, friend, foe), version(people, foe, stranger)
    tell(people, one)
    tell(people, other)
    assert may(people) == ((True, True, False) if one.id < other.id else (False, True, True))


def test_a_wiped_list_stays_as_it_was(people: World, caplog: pytest.LogCaptureFixture) -> None:
    """Also after a restart, until there is one with keys enough. It is told once."""
    tell(people, version(people, friend, foe))
    before = people.on_disk()
    for _ in range(2):
        tell(people, version(people, stranger, created_at=NOW + 1))
    tell(people, version(people, created_at=NOW + 2))
    assert people.on_disk() == before
    assert may(people) == (True, True, False)
    (problem,) = people.plugin.status.lists[0].problems
    assert "has 0 keys, beside what is encrypted in it; with fewer than 2" in problem.message
    assert [text.partition(":")[0] for text in said(caplog)] == [
        "the list @people (2 keys) stays as it is",
        "the list @people (2 keys) stays as it is",
    ]
    people.restart()
    people.plugin.check_follow_lists()
    assert may(people) == (True, True, False)
    tell(people, version(people, stranger, created_at=NOW + 1))
    tell(people, version(people, stranger, foe, created_at=NOW + 3))
    assert may(people) == (False, True, True)
    assert people.plugin.status.lists == (ListStatus("people", 2),)
    assert said(caplog)[-1] == "the list @people (2 keys) has keys enough again"


def test_a_list_that_is_not_genuine_is_ignored(
    people: World, caplog: pytest.LogCaptureFixture
) -> None:
    good = version(people, friend, foe)
    before = people.on_disk()
    for wrong in (
        attrs.evolve(good, tags=[*good.tags, ["p", stranger.pubkey]]),
        attrs.evolve(version(people, friend, foe, by=stranger), pubkey=owner.pubkey),
        version(people, friend, foe, created_at=NOW + 601),
        version(people, friend, foe, by=stranger),
        listed(owner, 30_000, friend, foe, d="another"),
        listed(owner, 1, friend, foe),
    ):
        tell(people, wrong)
    assert may(people) == (False, False, False)
    assert people.on_disk() == before
    assert caplog.text.count("not genuine") == 2
    assert caplog.text.count("too far ahead") == 1


def test_a_kept_list_that_somebody_has_changed_is_not_known(people: World) -> None:
    tell(people, version(people, friend, foe))
    (file,) = (people.folder / "policy-follows").iterdir()
    file.write_text(file.read_text().replace(foe.pubkey, stranger.pubkey))
    people.restart()
    assert may(people) == (False, False, False)


def test_a_list_that_nobody_has_stops_the_start(
    people: World, caplog: pytest.LogCaptureFixture
) -> None:
    """As a missing follow list does, with what would help; or it is a warning."""
    with pytest.raises(MissingFollowLists, match=r"^lists\.people: no kind \d+ ") as error:
        people.plugin.check_follow_lists()
    told = "with 2 keys or more is known; import them with `orly-policy follows import FILE`"
    assert told in str(error.value)
    assert people.plugin.status.lists[0].problems
    people.settings["missing_follow_lists"] = "warn"
    people.restart()
    people.plugin.check_follow_lists()
    assert "the list @people lets nobody in, or keeps out everybody: no kind" in caplog.text


def test_a_list_that_nobody_has_is_told_before_the_next_start(people: World) -> None:
    with people.running():
        people.plugin._next_start.look()
        assert people.plugin.status.next_start[0].place == "lists.people"
        tell(people, version(people, friend, foe))
        eventually(lambda: not people.plugin.status.next_start)


def test_what_the_host_is_asked_for_names_each_list(people: World) -> None:
    source = people.plugin.snapshot.policy.lists["people"]
    assert source.address in people.plugin.needed_lists()
    follow_lists = people.plugin.needed_lists() - {source.address}
    assert {(each.kind, each.identifier) for each in follow_lists} == {(3, "")}


def test_a_policy_event_may_name_a_list_that_is_not_known_yet(world: World) -> None:
    """Nobody may write what it would keep out, until it comes. A start is not stopped."""
    lists = {"mutes": of(admin, 10_000)}
    rules = {"1": {"write_deny": ["@mutes"]}}
    world.applied(signed(owner, policy(default_policy="allow", lists=lists, rules=rules)))
    assert may(world) == (False, False, False)
    world.restart()
    world.plugin.check_follow_lists()
    assert may(world) == (False, False, False)
    tell(world, listed(admin, 10_000, foe))
    assert may(world) == (True, False, True)


def test_a_kind_3_is_a_follow_list_and_a_named_list(world: World) -> None:
    """An unfollow takes effect, and what is taken for an accident leaves the named list."""
    lists = {"friends": of(owner, 3, at_least=2)}
    rules = {
        "1": {"write_allow": ["@friends"]},
        "7": {"follows_whitelist_admins": [owner.pubkey]},
    }
    world.save(policy(lists=lists, rules=rules))
    world.restart()
    for restart in (False, True):
        if not restart:
            world.follow(follows(owner, friend, foe))
            assert world.may_write(friend, 7)
            world.follow(follows(owner, stranger, created_at=NOW + 1))
        else:
            world.restart()
        assert may(world) == (True, True, False)
        assert [world.may_write(key, 7) for key in (friend, foe, stranger)] == [False, False, True]


def test_another_process_sees_a_list_that_one_has_taken(people: World) -> None:
    """Through the store."""
    other = World(people.folder)
    with other.running():
        tell(people, version(people, friend, foe))
        eventually(lambda: may(other) == (True, True, False))


class Flood(deque[Any]):
    """Waiting events, of which another comes for each that is taken, 2,000 times."""

    more = 2_000

    def popleft(self) -> Any:
        taken = super().popleft()
        if self.more:
            self.more -= 1
            self.append(taken)
        return taken


def test_a_flood_of_lists_keeps_no_change_out(people: World) -> None:
    """What came before is in force although others go on coming."""
    flood = Flood([version(people, friend, foe)])
    people.plugin._follow_lists._waiting = flood
    tell(people, version(people, foe, stranger, created_at=NOW + 1))
    assert may(people) == (False, True, True)
    assert flood.more > 1_000


# --- two hops


@pytest.fixture
def two_hops(world: World) -> World:
    """Whom the owner follows, or whom two of those follow, may write kind 1."""
    source = {"follows_of": owner.pubkey, "hops": 2, "followers": 2}
    world.save(policy(lists={"near": source}, rules={"1": {"write_allow": ["@near"]}}))
    world.restart()
    return world


def asked_for(world: World) -> set[str]:
    """Those whose follow lists the host is asked for, but for the policy's admins."""
    asked = {each.pubkey for each in world.plugin.needed_lists() if each.kind == 3}
    return asked - {admin.pubkey, second_admin.pubkey}


def test_who_has_followers_enough_is_in_the_list(
    two_hops: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "orly_policy_plugin")
    world = two_hops
    assert asked_for(world) == {owner.pubkey}
    world.follow(follows(owner, friend, foe))
    assert asked_for(world) == {owner.pubkey, friend.pubkey, foe.pubkey}
    assert may(world) == (True, True, False)
    world.follow(follows(friend, stranger))
    assert not world.may_write(stranger)
    world.follow(follows(foe, stranger))
    assert world.may_write(stranger)
    assert world.plugin.status.lists == (ListStatus("near", 3),)
    world.follow(follows(foe, created_at=NOW + 1))
    assert not world.may_write(stranger)
    world.follow(follows(foe, stranger))
    assert not world.may_write(stranger)
    world.follow(follows(foe, stranger, created_at=NOW + 2))
    world.follow(follows(owner, friend, created_at=NOW + 1))
    assert may(world) == (True, False, False)
    assert asked_for(world) == {owner.pubkey, friend.pubkey}
    assert said(caplog)[:2] == [
        "the list @near (2 keys) is in force (before: not known)",
        "the list @near (3 keys) is in force (before: 2 keys)",
    ]


def test_of_two_hops_the_root_is_kept(two_hops: World) -> None:
    """The lists of those it follows are the host's to hand over again."""
    two_hops.follow(follows(owner, friend, foe))
    for key in (friend, foe):
        two_hops.follow(follows(key, stranger))
    named = sha256(f"3:{owner.pubkey}:".encode()).hexdigest()
    assert [path.stem for path in (two_hops.folder / "policy-follows").iterdir()] == [named]
    two_hops.restart()
    assert may(two_hops) == (True, True, False)
    assert asked_for(two_hops) == {owner.pubkey, friend.pubkey, foe.pubkey}
    two_hops.plugin.check_follow_lists()


@pytest.mark.parametrize("at_least", [None, 2, 0])
def test_a_root_that_wipes_its_list_empties_none(world: World, at_least: int | None) -> None:
    """As with an author's list: who was kept out stays out, also after a restart."""
    source = {"follows_of": owner.pubkey, "hops": 2, "followers": 1}
    if at_least is not None:
        source["at_least"] = at_least
    rules = {"1": {"write_deny": ["@near"]}}
    world.save(policy(default_policy="allow", lists={"near": source}, rules=rules))
    world.restart()
    world.follow(follows(owner, friend, foe))
    world.follow(follows(owner, *[friend][: at_least == 2], created_at=NOW + 1))
    is_wiped = at_least == 0
    assert world.may_write(friend) is is_wiped
    assert bool(world.plugin.status.lists[0].problems) is not is_wiped
    world.restart()
    world.plugin.check_follow_lists()
    assert world.may_write(foe) is is_wiped


def test_a_root_may_be_among_those_whom_it_follows(two_hops: World) -> None:
    """Its own list counts like theirs, as it is kept; so does one that a rule needs as well."""
    two_hops.follow(follows(owner, owner, friend))
    two_hops.follow(follows(friend, owner, foe))
    source = {"follows_of": owner.pubkey, "hops": 2, "followers": 1}
    rules = {"1": {"write_allow": ["@near"]}}
    lists = {"near": source, "others": {**source, "follows_of": friend.pubkey}}
    two_hops.save(policy(lists=lists, rules=rules))
    two_hops.restart()
    two_hops.follow(follows(friend, owner, foe))
    two_hops.restart()
    assert may(two_hops) == (True, True, False)


def test_who_is_followed_again_at_once_counts_as_before(two_hops: World) -> None:
    """The host may have seen nothing of it, and hand over no list again; one that was sent
    meanwhile counts.
    """
    two_hops.follow(follows(owner, friend, foe))
    two_hops.follow(follows(friend, stranger))
    two_hops.follow(follows(foe, stranger))
    two_hops.follow(follows(owner, friend, created_at=NOW + 1))
    assert may(two_hops) == (True, False, False)
    two_hops.follow(follows(owner, friend, foe, created_at=NOW + 2))
    assert may(two_hops) == (True, True, True)
    two_hops.follow(follows(owner, friend, created_at=NOW + 3))
    two_hops.follow(follows(foe, created_at=NOW + 3))
    two_hops.follow(follows(owner, friend, foe, created_at=NOW + 4))
    assert may(two_hops) == (True, True, False)


def test_another_number_of_followers_needs_no_list_again(two_hops: World) -> None:
    """The host is not asked twice for the same lists."""
    two_hops.follow(follows(owner, friend, foe))
    two_hops.follow(follows(friend, stranger))
    assert not two_hops.may_write(stranger)
    source = {"follows_of": owner.pubkey, "hops": 2, "followers": 1}
    changed = policy(lists={"near": source}, rules={"1": {"write_allow": ["@near"]}})
    two_hops.applied(signed(owner, changed))
    assert two_hops.may_write(stranger)


def test_a_forged_list_is_not_counted(two_hops: World, caplog: pytest.LogCaptureFixture) -> None:
    two_hops.follow(follows(owner, friend, foe))
    two_hops.follow(follows(friend, stranger))
    two_hops.follow(attrs.evolve(follows(stranger, stranger), pubkey=foe.pubkey))
    two_hops.follow(follows(foe, stranger, created_at=NOW + 601))
    assert not two_hops.may_write(stranger)
    assert "not genuine" in caplog.text
    assert "too far ahead" in caplog.text


def test_without_its_root_two_hops_stop_the_start(two_hops: World) -> None:
    message = (
        rf"^lists\.near: no follow list of {owner.pubkey} with 1 key or more is known; import"
    )
    with pytest.raises(MissingFollowLists, match=message):
        two_hops.plugin.check_follow_lists()
    two_hops.follow(follows(owner, friend))
    two_hops.plugin.check_follow_lists()


def test_too_many_lists_to_count_are_told(
    two_hops: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, and in the status."""
    monkeypatch.setattr("orly_policy_plugin.follows.two_hops.MOST_LISTS", 1)
    two_hops.follow(follows(owner, friend, foe))
    two_hops.follow(follows(owner, friend, stranger, created_at=NOW + 1))
    assert caplog.text.count("follows too many") == 1
    assert "follows too many" in two_hops.plugin.status.lists[0].problems[0].message
    assert may(two_hops) == (True, False, True)
