"""Contributions of policy admins: section 9 of the spec, from the hook to the disk and back."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from examples import NOBODY, NOW, AnEvent, by
from relay.signing import Key

from orly_policy_plugin.authority.bounds import MOST_CONTRIBUTIONS

from .making import (
    Json,
    World,
    admin,
    foe,
    follows,
    friend,
    owner,
    policy,
    read_json,
    second_admin,
    signed,
    stranger,
    withdrawing,
)

LET_IN = {"rules_extend": {"1": {"write_allow_add": [friend.pubkey]}}}
KEEP_OUT = {"rules_extend": {"1": {"write_deny_add": [friend.pubkey]}}}


@pytest.fixture
def added(world: World) -> AnEvent:
    """A contribution that lets a friend in, applied."""
    event = signed(admin, LET_IN)
    world.applied(event)
    assert world.may_write(friend)
    return event


def test_it_grants_and_survives_a_restart_and_the_owners_file_is_as_it_was(world: World) -> None:
    before = world.file.read_bytes()
    event = signed(admin, LET_IN)
    assert not world.may_write(friend)
    assert world.applied(event) == f"contribution accepted: version {world.version}"
    assert world.may_write(friend)
    assert not world.may_write(foe)
    world.restart()
    assert world.may_write(friend)
    assert world.file.read_bytes() == before
    stored = read_json(world.contributions / f"{event.id}.json")
    assert (stored["id"], stored["content"]) == (event.id, event.content)


def test_it_denies_whom_the_owner_lets_in(world: World) -> None:
    world.save(policy(rules={"1": {"write_allow": [friend.pubkey]}}))
    world.restart()
    assert world.may_write(friend)
    world.applied(signed(admin, KEEP_OUT))
    assert not world.may_write(friend)
    world.restart()
    assert not world.may_write(friend)


def test_the_explanation_names_the_event(world: World, added: AnEvent) -> None:
    asked = AnEvent(pubkey=friend.pubkey)
    told = world.plugin.snapshot.explain("write", asked, by(friend.pubkey).authenticated, NOW)
    place = f"contributions.{added.id}.rules_extend.1.write_allow_add"
    assert [step.outcome for step in told.steps if step.place == place] == ["grant"]


def test_the_version_is_of_what_is_in_force(world: World) -> None:
    """It changes with a contribution and comes back with its withdrawal."""
    before = world.version
    event = signed(admin, LET_IN)
    world.applied(event)
    assert world.version != before
    world.applied(withdrawing(admin, event))
    assert world.version == before


@pytest.mark.parametrize("key", [admin, owner])
def test_its_author_and_an_owner_withdraw_it_for_good(
    world: World, added: AnEvent, key: Key
) -> None:
    """Neither a replay nor a restart brings it back."""
    kind5 = withdrawing(key, added)
    assert world.applied(kind5) == f"contribution withdrawn: version {world.version}"
    assert not world.may_write(friend)
    for _ in range(2):
        assert "the policy event is not new" in world.refused(added)
        assert not world.may_write(friend)
        assert [path.name for path in world.contributions.iterdir()] == [f"{added.id}.withdrawn"]
        world.restart()


@pytest.mark.parametrize("key", [stranger, second_admin, friend])
def test_nobody_else_withdraws_it(world: World, added: AnEvent, key: Key) -> None:
    kind5 = withdrawing(key, added)
    assert asyncio.run(world.gate.withdrawal(kind5, NOBODY)) is None
    world.refused(kind5)
    assert world.may_write(friend)


def test_a_forged_withdrawal_withdraws_nothing(world: World, added: AnEvent) -> None:
    forged = withdrawing(stranger, added)
    forged = AnEvent(
        id=forged.id,
        pubkey=admin.pubkey,
        created_at=forged.created_at,
        kind=5,
        tags=forged.tags,
        content="",
        sig=forged.sig,
    )
    assert world.refused(forged).startswith("invalid:")
    assert world.may_write(friend)


@pytest.mark.parametrize("event_id", ["../policy", "", "ff" * 32, "..", "A" * 64])
def test_a_withdrawal_of_what_is_none_changes_nothing(
    world: World, added: AnEvent, event_id: str
) -> None:
    world.refused(withdrawing(admin, event_id))
    world.refused(withdrawing(owner, event_id))


def test_one_kind_5_may_withdraw_several(world: World) -> None:
    events = [signed(admin, {"kind_blacklist_add": [kind]}, NOW + kind) for kind in (7, 8)]
    before = world.version
    for event in events:
        world.applied(event)
    world.applied(withdrawing(admin, *events, "ff" * 32))
    assert world.version == before


def test_a_removed_admins_contributions_count_again_when_she_is_back(
    world: World, added: AnEvent, caplog: pytest.LogCaptureFixture
) -> None:
    """They are skipped with a warning, and not deleted."""
    world.applied(signed(owner, policy(policy_admins=[]), NOW + 1))
    assert not world.may_write(friend)
    assert "its author is not a policy admin now" in caplog.text
    assert "only owners" in world.refused(signed(admin, LET_IN, NOW + 2))
    world.restart()
    assert not world.may_write(friend)
    world.applied(signed(owner, policy(), NOW + 3))
    assert world.may_write(friend)
    world.restart()
    assert world.may_write(friend)


def test_one_who_is_no_admin_any_more_may_still_withdraw(world: World, added: AnEvent) -> None:
    """Or it would count again when she is back."""
    world.applied(signed(owner, policy(policy_admins=[]), NOW + 1))
    world.applied(withdrawing(admin, added))
    world.applied(signed(owner, policy(), NOW + 3))
    assert not world.may_write(friend)


def test_two_admins_on_one_kind(world: World) -> None:
    """What adds to the owner's rule adds up; of two new rules the first stands."""
    world.applied(signed(admin, LET_IN, NOW))
    world.applied(signed(second_admin, {"rules_extend": {"1": {"size_limit_override": 2000}}}))
    assert world.may_write(friend, content="x" * 1500)
    world.applied(signed(admin, {"rules_add": {"7": {"write_allow": []}}}, NOW + 1))
    second = signed(second_admin, {"rules_add": {"7": {"write_allow": [foe.pubkey]}}}, NOW + 1)
    assert "has already added a rule" in world.refused(second)
    assert world.may_write(friend, 7)


def test_of_two_new_rules_that_meet_on_the_disk_the_oldest_stands(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    events = [
        signed(key, {"rules_add": {"7": {"write_allow": [who.pubkey]}}}, when)
        for key, who, when in ((admin, friend, NOW + 1), (second_admin, foe, NOW))
    ]
    put(world, *events)
    world.restart()
    assert (world.may_write(friend, 7), world.may_write(foe, 7)) == (False, True)
    assert "has already added a rule for this kind" in caplog.text


def put(world: World, *events: AnEvent) -> None:
    """Into the folder, past all checks."""
    world.contributions.mkdir(exist_ok=True)
    for event in events:
        text = json.dumps({name: getattr(event, name) for name in AnEvent.__slots__[:7]})
        (world.contributions / f"{event.id}.json").write_text(text)


REFUSED: dict[str, tuple[Any, str]] = {
    "an owner denied": (
        {"rules_extend": {"1": {"write_deny_add": [owner.pubkey]}}},
        "rules_extend.1.write_deny_add[0]",
    ),
    "an admin denied": (
        {"rules_add": {"7": {"read_deny": [foe.pubkey, second_admin.pubkey]}}},
        "rules_add.7.read_deny[1]",
    ),
    "herself denied": (
        {"global_extend": {"read_deny_add": [admin.pubkey]}},
        "global_extend.read_deny_add[0]",
    ),
    "a lower limit": (
        {"rules_extend": {"1": {"size_limit_override": 999}}},
        "rules_extend.1.size_limit_override",
    ),
    "a bad key": ({"rules_extend": {"1": {"write_allow_add": ["me"]}}}, "write_allow_add[0]"),
    "a bad kind": ({"kind_whitelist_add": [65536]}, "kind_whitelist_add"),
    "a bad rule": ({"rules_add": {"7": {"size_limit": -1}}}, "rules_add.7.size_limit"),
    "a script": ({"rules_add": {"7": {"script": "/bin/sh"}}}, "rules_add.7.script"),
    "no rule to extend": ({"rules_extend": {"7": {}}}, "rules_extend.7"),
    "a rule that is there": ({"rules_add": {"1": {}}}, "rules_add.1"),
    "policy events denied": ({"kind_blacklist_add": [12345]}, "kind_blacklist_add[0]"),
    "follow lists denied": ({"kind_blacklist_add": [7, 3]}, "kind_blacklist_add[1]"),
    "a rule for deletions": ({"rules_add": {"5": {}}}, "rules_add.5"),
    "an unknown key": ({"kind_whitelist_add": [7], "owner": []}, "owner"),
    "a policy's key": ({"kind_whitelist_add": [7], "owners": []}, "owners: "),
    "a rate limit": ({"rules_add": {"7": {"rate_limit": -5}}}, "rules_add.7.rate_limit"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_admin_may_is_refused(world: World, name: str) -> None:
    content, place = REFUSED[name]
    message = world.refused(signed(admin, content))
    assert message.startswith("invalid: ")
    assert place in message


def test_a_hundred_stand_and_no_more(world: World) -> None:
    """A withdrawn one makes room; another admin has room of her own."""
    events = [signed(admin, {"kind_blacklist_add": [1000 + n]}, NOW - 200 + n) for n in range(101)]
    put(world, *events[: MOST_CONTRIBUTIONS - 1])
    world.restart()
    world.applied(events[99])
    assert "at most 100" in world.refused(events[100])
    world.applied(signed(second_admin, {"kind_blacklist_add": [2000]}))
    world.applied(withdrawing(admin, events[0]))
    world.applied(events[100])


def test_more_than_a_hundred_on_the_disk_are_skipped(world: World) -> None:
    """The oldest hundred stand."""
    put(world, *(signed(admin, {"kind_blacklist_add": [1000 + n]}, NOW + n) for n in range(103)))
    world.restart()
    assert len(world.plugin.snapshot.contributions) == MOST_CONTRIBUTIONS


# --- full policies by admins


def fuller(**members: Any) -> Json:
    """The owner's policy with more in it."""
    rule = {"write_allow": [owner.pubkey, friend.pubkey], "size_limit": 5000}
    return policy(rules={"1": rule}, **members)


def test_an_admins_full_policy_is_its_difference(world: World) -> None:
    before = world.file.read_bytes()
    event = signed(admin, fuller(kind={"blacklist": [7]}))
    assert world.applied(event).startswith("contribution accepted")
    assert world.file.read_bytes() == before
    for _ in range(2):
        assert world.may_write(friend, content="x" * 2000)
        (made,) = world.plugin.snapshot.contributions
        assert (made.event_id, made.kind_blacklist_add) == (event.id, (7,))
        world.restart()


RICH: Json = {
    "description": "a rule",
    "identifier_regex": "^[a-z]+$",
    "tag_validation": {"t": "^x"},
    "max_expiry_duration": "PT10M",
    "write_allow": [],
    "read_deny": [foe.pubkey],
    "must_have_tags": ["d"],
    "protected_required": True,
    "privileged": True,
}


def test_a_new_rule_of_a_full_policy_survives_a_restart_whole(world: World) -> None:
    full = policy()
    full["rules"]["7"] = RICH
    world.applied(signed(admin, full))
    made = world.plugin.snapshot.contributions
    world.restart()
    assert world.plugin.snapshot.contributions == made
    assert made[0].rules_add[7].write_allow == ()


def test_what_stands_twice_in_a_new_rule_survives_a_restart(world: World) -> None:
    """However it is written."""
    world.save(policy(default_policy="allow"))
    world.restart()
    rule = {"write_deny": [foe.pubkey, foe.pubkey.upper()]}
    rules = {**policy()["rules"], "7": rule}
    world.applied(signed(admin, policy(default_policy="allow", rules=rules)))
    for _ in range(2):
        assert not world.may_write(foe, 7)
        assert world.may_write(friend, 7)
        world.restart()


def test_a_full_policy_without_a_difference_adds_nothing(world: World) -> None:
    event = signed(admin, policy())
    assert world.applied(event) == f"adds nothing: version {world.version}"
    assert "applied already" in world.refused(event)


def test_what_differs_otherwise_is_refused_with_every_place(world: World) -> None:
    message = world.refused(
        signed(admin, policy(rules={"1": {"size_limit": 10}}, owners=[admin.pubkey]))
    )
    assert message.startswith("invalid: ")
    for place in ("rules.1.write_allow", "rules.1.size_limit", "owners"):
        assert place in message


def test_it_takes_the_place_of_her_earlier_one_for_good(world: World) -> None:
    """Also when the later one is withdrawn."""
    first, second = (
        signed(admin, fuller(kind={"blacklist": [kind]}), NOW + kind) for kind in (7, 8)
    )
    before = world.version
    beside = signed(second_admin, fuller(kind={"blacklist": [9]}))
    for event in (first, beside, second):
        world.applied(event)
    (one, other) = world.plugin.snapshot.contributions
    assert (one.event_id, other.event_id) == (beside.id, second.id)
    assert "the policy event is not new" in world.refused(first)
    world.applied(withdrawing(admin, second))
    world.applied(withdrawing(second_admin, beside))
    assert world.version == before
    world.restart()
    assert world.version == before


def test_an_earlier_one_that_a_crash_left_does_not_come_back(world: World) -> None:
    first, second = (signed(admin, fuller(kind={"blacklist": [k]}), NOW + k) for k in (7, 8))
    world.applied(first)
    world.applied(second)
    put(world, first)
    (world.contributions / f"{first.id}.withdrawn").unlink()
    world.restart()
    assert [made.event_id for made in world.plugin.snapshot.contributions] == [second.id]
    world.applied(withdrawing(admin, second))
    assert world.plugin.snapshot.contributions == ()
    world.restart()
    assert world.plugin.snapshot.contributions == ()


def test_what_the_owner_takes_away_later_does_not_come_back(world: World) -> None:
    """A limit that is lowered, a key that is removed, a kind: none was the admin's to give."""
    before = {"write_allow": [owner.pubkey, foe.pubkey], "size_limit": 9000, "content_limit": 8000}
    world.save(policy(rules={"1": before}, kind={"whitelist": [1, 7]}))
    world.restart()
    more = {**before, "write_allow": [owner.pubkey, foe.pubkey, friend.pubkey]}
    world.applied(signed(admin, policy(rules={"1": more}, kind={"whitelist": [1, 7, 8]})))
    after = {"write_allow": [owner.pubkey], "size_limit": 500, "content_limit": 200}
    update = policy(rules={"1": after}, kind={"whitelist": [1]}, default_policy="allow")
    world.applied(signed(owner, update, NOW + 1))
    for _ in range(2):
        assert not world.may_write(foe)
        assert world.may_write(friend)
        assert not world.may_write(friend, content="x" * 300)
        assert not world.may_write(owner, 7)
        assert world.may_write(owner, 8)
        world.restart()


def test_a_rule_that_the_owner_removes_does_not_come_back(world: World) -> None:
    """The difference extends it, and is skipped."""
    world.applied(signed(admin, fuller()))
    world.applied(signed(owner, policy(rules={}), NOW + 1))
    for _ in range(2):
        assert not world.may_write(friend)
        world.restart()


# --- what lies in the folder


@pytest.fixture
def two(world: World) -> tuple[AnEvent, AnEvent]:
    """A full policy by one admin, a contribution by the other."""
    full = signed(admin, fuller())
    other = signed(second_admin, {"rules_add": {"7": {"write_allow": []}}})
    world.applied(full)
    world.applied(other)
    assert world.may_write(friend)
    return full, other


def spoilt_difference(path: Path, how: str) -> None:
    if how == "gone":
        path.unlink()
        return
    value = read_json(path)
    extension = value["rules_extend"]["1"]
    if how == "more keys":
        extension["write_allow_add"].append(foe.pubkey)
    if how == "a higher limit":
        extension["size_limit_override"] = 10**6
    if how == "another field":
        extension["read_allow_add"] = [foe.pubkey]
    if how == "another rule":
        value["rules_extend"]["2"] = {"write_allow_follows": True}
    if how == "everything":
        value["global_extend"] = {"write_allow_follows": True}
    if how == "a kind":
        value["kind_blacklist_add"] = [20]
    if how == "a new rule":
        value["rules_add"] = {"20": {"write_allow": []}}
    text = {"empty": "", "not JSON": "{", "a list": "[]"}.get(how, json.dumps(value))
    path.write_text(text)


@pytest.mark.parametrize(
    "how",
    [
        *("gone", "empty", "not JSON", "a list", "more keys", "a higher limit"),
        *("another field", "another rule", "everything", "a kind", "a new rule"),
    ],
)
def test_a_spoilt_difference_counts_for_nothing_and_the_rest_stands(
    world: World, two: tuple[AnEvent, AnEvent], how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor may the event be sent again, and it can still be withdrawn."""
    full, _ = two
    spoilt_difference(world.contributions / f".{full.id}.difference", how)
    world.restart()
    assert not world.may_write(friend)
    assert world.may_write(friend, 7)
    assert f"{full.id}.json: " in caplog.text
    (world.folder / "policy-history" / "freshness.json").unlink()
    assert "applied already" in world.refused(full)
    world.applied(withdrawing(admin, full))
    assert "the policy event is not new" in world.refused(full)


def tampered(event: AnEvent, how: str, path: Path) -> None:
    value = read_json(path)
    if how == "content":
        value["content"] = json.dumps({"kind_blacklist_add": [1]})
    if how == "author":
        value["pubkey"] = second_admin.pubkey
    if how == "no sig":
        value.pop("sig")
    if how == "a contribution beside":
        value = {**value, "kind_blacklist_add": [1], "admin_pubkey": admin.pubkey, "sig": "00"}
    if how == "another's":
        other = signed(admin, {"kind_blacklist_add": [1]}, NOW + 1)
        value = {name: getattr(other, name) for name in value}
    if how == "kind":
        other = signed(admin, json.dumps({"kind_blacklist_add": [1]}), NOW + 1, kind=1)
        value = {name: getattr(other, name) for name in value}
    text = {"empty": "", "half": json.dumps(value)[:99]}.get(how, json.dumps(value))
    path.write_text(text)


@pytest.mark.parametrize(
    "how",
    [
        *("content", "author", "no sig", "a contribution beside", "another's", "kind"),
        *("empty", "half"),
    ],
)
def test_a_tampered_event_counts_for_nothing_and_the_rest_stands(
    world: World, added: AnEvent, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    world.applied(signed(second_admin, {"rules_add": {"7": {"write_allow": []}}}))
    tampered(added, how, world.contributions / f"{added.id}.json")
    world.restart()
    assert not world.may_write(friend)
    assert world.may_write(owner)
    assert world.may_write(friend, 7)
    assert f"{added.id}.json" in caplog.text
    assert "the policy event is not new" in world.refused(added)


@pytest.mark.parametrize("name", ["x.json", "..json", "ff.json", f"{'AB' * 32}.json"])
def test_a_file_of_another_name_counts_for_nothing(world: World, name: str) -> None:
    world.contributions.mkdir()
    bare = {**LET_IN, "admin_pubkey": admin.pubkey}
    (world.contributions / name).write_text(json.dumps(bare))
    world.restart()
    assert not world.may_write(friend)


def test_a_bare_contribution_is_the_operators_word(world: World) -> None:
    """As long as its admin is one; and she may withdraw it."""
    world.contributions.mkdir()
    name = "ab" * 32
    bare = {**LET_IN, "admin_pubkey": admin.pubkey, "created_at": NOW, "event_id": name}
    file = world.contributions / f"{name}.json"
    file.write_text(json.dumps(bare))
    world.restart()
    assert world.may_write(friend)
    world.applied(withdrawing(admin, name))
    assert not world.may_write(friend)
    for wrong in (
        {**bare, "admin_pubkey": stranger.pubkey},
        {**bare, "rules_extend": {"1": {"write_deny_add": [owner.pubkey]}}},
        {**LET_IN, "created_at": NOW},
    ):
        (world.contributions / f"{'cd' * 32}.json").write_text(json.dumps(wrong))
        world.restart()
        assert not world.may_write(friend)
        assert world.may_write(owner)


def test_a_bare_contribution_does_not_make_its_admins_events_old(world: World) -> None:
    """Its date is nobody's signature."""
    world.contributions.mkdir()
    bare = {**LET_IN, "admin_pubkey": admin.pubkey, "created_at": NOW + 10**6}
    (world.contributions / f"{'ab' * 32}.json").write_text(json.dumps(bare))
    world.restart()
    world.applied(signed(admin, {"kind_blacklist_add": [7]}))


# --- private stays private


@pytest.mark.parametrize(
    "extension",
    [
        {"read_allow_add": [friend.pubkey]},
        {"write_allow_follows": True},
        {"follows_whitelist_admins_add": [admin.pubkey]},
    ],
)
def test_no_contribution_opens_a_privileged_rule_for_reading(
    world: World, extension: Json
) -> None:
    world.save(policy(rules={"4": {"privileged": True}}, policy_follow_whitelist_enabled=True))
    world.restart()
    world.follow(follows(admin, friend))
    world.applied(signed(admin, {"rules_extend": {"4": extension}}))
    assert not world.may_read(friend, 4, tags=[["p", foe.pubkey]])
    assert world.may_read(foe, 4, tags=[["p", foe.pubkey]])


@pytest.mark.parametrize("kind", [4, 13, 14, 1059, 1060])
@pytest.mark.parametrize("form", ["rules_add", "rules"])
def test_no_new_rule_of_an_admin_opens_private_kinds(world: World, kind: int, form: str) -> None:
    rule = {"read_allow": [], "write_allow": []}
    content = policy() if form == "rules" else {form: {}}
    content[form][str(kind)] = rule
    world.applied(signed(admin, content))
    assert not world.may_read(friend, kind)
    assert world.may_write(friend, kind)


def test_no_denial_of_an_admin_applies_to_an_owner_or_admin(world: World) -> None:
    world.save(policy(default_policy="allow", rules={}))
    world.restart()
    denials = {"kind_blacklist_add": [7], "rules_add": {"8": {"size_limit": 0}}}
    world.applied(signed(admin, denials))
    for kind in (7, 8):
        assert world.may_write(owner, kind)
        assert world.may_write(second_admin, kind)
        assert not world.may_write(friend, kind)


# --- what is withdrawn


@pytest.mark.parametrize("created_at", [None, NOW - 10])
def test_a_signed_event_under_a_withdrawn_name_is_not_taken(
    world: World, created_at: int | None
) -> None:
    """As where ORLY wrote what an event said under the event's name, with or without its date."""
    event = signed(admin, KEEP_OUT)
    world.contributions.mkdir()
    bare = {**LET_IN, "admin_pubkey": admin.pubkey, "created_at": created_at}
    (world.contributions / f"{event.id}.json").write_text(
        json.dumps({key: value for key, value in bare.items() if value is not None})
    )
    world.restart()
    world.applied(withdrawing(owner, event.id))
    assert "has been withdrawn" in world.refused(event)
    world.restart()
    assert "has been withdrawn" in world.refused(event)


def test_an_event_that_the_operator_has_withdrawn_before_it_came_is_not_taken(
    world: World,
) -> None:
    """Whether anybody has told of the file or not."""
    event = signed(admin, LET_IN)
    world.applied(signed(second_admin, LET_IN))
    (world.contributions / f"{event.id}.withdrawn").touch()
    assert "has been withdrawn" in world.refused(event)


@pytest.mark.parametrize("created_at", [2**63, 10**19])
def test_a_date_that_no_mark_can_have_is_none(world: World, created_at: int) -> None:
    """Its withdrawal would make marks that cannot be read: no start and no change any more."""
    world.contributions.mkdir()
    name = "ab" * 32
    bare = {**LET_IN, "admin_pubkey": admin.pubkey, "created_at": created_at}
    (world.contributions / f"{name}.json").write_text(json.dumps(bare))
    mark = {"author": admin.pubkey, "created_at": created_at, "by": name}
    (world.contributions / f"{'cd' * 32}.withdrawn").write_text(json.dumps(mark))
    world.restart()
    assert not world.may_write(friend)
    world.refused(withdrawing(owner, name))
    world.applied(signed(owner, policy()))
    world.restart()
