"""The five checks of a policy event, in their order, with real signatures."""

import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from examples import ALICE, BOB, NOW, AnEvent
from hypothesis import assume, given
from hypothesis import strategies as st
from relay.signing import Key, hash_of
from strategies import json_values, policies, some

from orly_policy_hookspecs import PREFIXES
from orly_policy_hookspecs.nip01 import normal_url
from orly_policy_plugin.authority import (
    CONTRIBUTION_KEYS,
    Contribution,
    Freshness,
    Mark,
    RefusedUpdate,
    Update,
    check_owner_policy,
    examine,
)
from orly_policy_plugin.authority.policy_events import LARGEST_BYTES, POLICY_KEYS
from orly_policy_plugin.event_size import event_size
from orly_policy_plugin.policy import InvalidPolicy, Policy, Problem, structure_policy

from .making import admin_key, owner_key, signed, stranger_key

OWNER, ADMIN = owner_key.pubkey, admin_key.pubkey
URL = "wss://relay.example/"
FULL = {"owners": [OWNER], "default_policy": "deny"}
ADDS = {"kind_whitelist_add": [1]}


def examined(event: Any, **more: Any) -> Update:
    settings: dict[str, Any] = {
        "now": NOW,
        "owners": {OWNER},
        "admins": {ADMIN},
        "relay_urls": [URL],
        "require_relay_tag": False,
        "freshness": Freshness(),
        "known_scripts": (),
    }
    return examine(event, **(settings | more))


def refused(event: Any, **more: Any) -> str:
    with pytest.raises(RefusedUpdate) as error:
        examined(event, **more)
    assert str(error.value).startswith(PREFIXES)
    return str(error.value)


# --- what passes


def test_an_owners_full_policy_passes() -> None:
    """It comes with its author, its mark, and the content as it was written."""
    event = signed(owner_key, FULL | {"_note": "mine"})
    assert examined(event) == Update(
        author=OWNER,
        mark=Mark(NOW, event.id),
        is_owner=True,
        content=structure_policy(FULL),
        document=FULL | {"_note": "mine"},
    )


def test_an_admins_contribution_passes() -> None:
    """Whose it is comes from the event, whatever the content says."""
    event = signed(admin_key, ADDS | {"admin_pubkey": OWNER, "event_id": "../x", "created_at": 0})
    update = examined(event)
    assert not update.is_owner
    assert update.document is None
    assert update.content == Contribution(
        admin=ADMIN, created_at=NOW, event_id=event.id, kind_whitelist_add=(1,)
    )
    assert update.content.size_bytes == len(event.content)


def test_an_admins_full_policy_passes() -> None:
    """Whether its differences are allowed is for whoever knows the owner's policy."""
    update = examined(signed(admin_key, {"rules": {"1": {"script": "x"}}}))
    assert isinstance(update.content, Policy)


def test_whoever_is_owner_and_admin_is_an_owner() -> None:
    """And so sends full policies only."""
    assert examined(signed(owner_key, FULL), admins={OWNER}).is_owner
    assert "an owner sends a full policy" in refused(signed(owner_key, ADDS), admins={OWNER})


# --- 1: id and signature, size


def lies(**changes: Any) -> AnEvent:
    return attrs.evolve(signed(owner_key, FULL), **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"content": json.dumps(FULL) + " "},
        {"created_at": NOW + 1},
        {"tags": [["relay", URL]]},
        {"pubkey": ADMIN},
        {"id": "00" * 32},
        {"sig": "00" * 64},
    ],
)
def test_a_forgery_is_refused(changes: dict[str, Any]) -> None:
    """A field that was changed after signing, an id or a signature of something else."""
    wrong = "invalid: the id or the signature of the policy event is wrong"
    assert refused(lies(**changes)) == wrong


def test_a_right_id_without_the_authors_signature_is_refused() -> None:
    """Someone else signed it in the owner's name."""
    fields = {
        "pubkey": OWNER,
        "created_at": NOW,
        "kind": 12345,
        "tags": [],
        "content": json.dumps(FULL),
    }
    event = AnEvent(**fields, id=hash_of(fields), sig=stranger_key.sign(hash_of(fields)))
    assert "signature" in refused(event)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "../../policy.json"}, "id is not 64 lowercase hex characters"),
        ({"pubkey": OWNER.upper()}, "pubkey is not 64 lowercase hex characters"),
        ({"sig": None}, "sig is not 128 lowercase hex characters"),
        ({"created_at": float("nan")}, "created_at is not a whole number"),
        ({"created_at": True}, "created_at is not a whole number"),
        ({"created_at": 2**70}, f"created_at is not between 0 and {2**63 - 1}"),
        ({"kind": "12345"}, "kind is not a whole number"),
        ({"tags": None}, "tags is not a list"),
        ({"tags": ["relay"]}, "tags[0] is not a list"),
        ({"tags": [["relay", 5]]}, "tags[0][1] is not a text"),
        ({"tags": ((),)}, "tags[0] is empty: a tag has a name"),
        ({"content": b"{}"}, "content is not a text"),
        ({"content": "\ud800"}, "content is not Unicode"),
    ],
)
def test_a_malformed_event_is_refused(changes: dict[str, Any], message: str) -> None:
    """Fields of any type; the message names the field."""
    assert refused(lies(**changes)) == f"invalid: this is no event: {message}"


def test_what_has_no_fields_is_refused() -> None:
    """Whatever object a host hands on."""
    assert refused(object()).startswith("invalid: this is no event: the event has no id and no")


def test_another_kind_is_refused() -> None:
    """An owner's note whose text happens to be a policy changes nothing."""
    assert refused(signed(owner_key, FULL, kind=1)) == (
        "invalid: this is kind 1, a policy update is kind 12345"
    )


def test_a_mebibyte_is_the_limit() -> None:
    """Of the whole event as compact JSON: one byte more is refused."""
    empty = event_size(signed(owner_key, ""))
    overhead = event_size(signed(owner_key, FULL | {"_": ""})) - empty
    padding = LARGEST_BYTES - empty - overhead
    exact = signed(owner_key, FULL | {"_": "x" * padding})
    assert event_size(exact) == LARGEST_BYTES
    assert examined(exact).is_owner
    assert refused(signed(owner_key, FULL | {"_": "x" * (padding + 1)})) == (
        "invalid: the policy event is 1048577 bytes, at most 1048576 are allowed"
    )


# --- 2: role


def test_a_stranger_is_refused() -> None:
    """And is told nothing of the policy."""
    for content in (FULL, ADDS, "not JSON"):
        assert refused(signed(stranger_key, content)) == (
            "restricted: only owners and policy admins may change the policy"
        )


# --- 3: meant for this relay


@pytest.mark.parametrize(
    "named", ["wss://relay.example", "WSS://Relay.Example/", "wss://relay.example:443"]
)
def test_ones_own_url_may_be_written_in_several_ways(named: str) -> None:
    """Case of scheme and host, a slash at the end and the usual port do not matter."""
    event = signed(owner_key, FULL, tags=[["relay", named]])
    assert examined(event, require_relay_tag=True).is_owner


@pytest.mark.parametrize(
    "named",
    [
        "wss://other.example",
        "ws://relay.example",
        "wss://relay.example/path",
        "wss://relay.example:444",
        "wss://relay.example@evil.example",
        "wss://someone@relay.example",
        "wss://relay.example.evil.example",
        "wss://[",
        "",
    ],
)
def test_an_update_for_another_relay_is_refused(named: str) -> None:
    """A policy event for a test relay is no event for this one."""
    assert refused(signed(owner_key, FULL, tags=[["relay", named]])) == (
        f"invalid: the policy event is meant for another relay: its relay tag says '{named}'"
    )


def test_one_of_several_relay_tags_is_enough() -> None:
    """An update may be meant for several relays."""
    tags = [["relay", "wss://other.example"], ["relay"], ["relay", URL]]
    assert examined(signed(owner_key, FULL, tags=tags)).is_owner
    assert "another relay" in refused(signed(owner_key, FULL, tags=tags[:2]))
    assert refused(signed(owner_key, FULL, tags=tags[1:2])).endswith("its relay tag says ''")


def test_an_update_names_twenty_relays_at_most() -> None:
    """Each is a URL to be read."""
    others = [["relay", f"wss://{i}.example"] for i in range(20)]
    assert examined(signed(owner_key, FULL, tags=[*others[1:], ["relay", URL]])).is_owner
    assert refused(signed(owner_key, FULL, tags=[*others, ["relay", URL]])) == (
        "invalid: the policy event names 21 relays, at most 20 may be"
    )


def test_a_relay_tag_needs_a_relay_that_knows_its_url() -> None:
    """It cannot be told whether this relay is meant."""
    event = signed(owner_key, FULL, tags=[["relay", URL]])
    assert "has not been told its own URL" in refused(event, relay_urls=[])
    assert "has not been told its own URL" in refused(event, relay_urls=["not a URL"])


def test_a_relay_tag_can_be_required() -> None:
    """The setting refuses what could be replayed on another relay."""
    assert refused(signed(owner_key, FULL), require_relay_tag=True) == (
        "invalid: the policy event has no relay tag, and this relay takes none without; "
        "add one with its URL"
    )


def test_a_url_is_bounded() -> None:
    """The library that reads URLs keeps those that it was given last."""
    longest = "wss://relay.example/" + "x" * 2_028
    assert normal_url(longest) == longest
    assert normal_url(longest + "x") is None


@given(st.text() | st.text().map(lambda text: f"wss://{text}"))
def test_any_text_is_a_url_or_none(text: str) -> None:
    """Whatever a tag says; what is normal stays so."""
    normal = normal_url(text)
    assert normal is None or normal_url(normal) == normal


# --- 4: fresh


def test_ten_minutes_ahead_is_the_limit() -> None:
    """A clock may be a little wrong."""
    assert examined(signed(owner_key, FULL, created_at=NOW + 600)).is_owner
    assert refused(signed(owner_key, FULL, created_at=NOW + 601)) == (
        "invalid: created_at is 601 seconds ahead of this relay's clock, at most 600 are allowed"
    )


def test_a_replay_is_refused() -> None:
    """The event that was applied, and every older one."""
    event = signed(owner_key, FULL)
    after = Freshness().with_owner(examined(event).mark)
    assert "has been applied already" in refused(event, freshness=after)
    older = signed(owner_key, FULL, created_at=NOW - 1)
    assert refused(older, freshness=after) == (
        "invalid: the policy event is not new: the owner's last change is newer: "
        f"created_at {NOW}, this one {NOW - 1}"
    )


def test_an_admins_mark_does_not_bind_the_owner() -> None:
    """An admin who dates ahead shuts nobody out."""
    ahead = Mark(NOW + 600, "ff" * 32)
    after = Freshness().with_admin(ADMIN, ahead).with_admin(OWNER, ahead)  # who was an admin once
    assert examined(signed(owner_key, FULL), freshness=after).is_owner
    assert "your last update" in refused(signed(admin_key, ADDS), freshness=after)


# --- 5: content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "content: this is empty; the smallest policy is {}"),
        ("hello", "content: this is not JSON: Expecting value at line 1, column 1"),
        (
            json.dumps(FULL)[:-1],
            "content: this is not JSON: Expecting ',' delimiter at line 1, column 106 "
            "(the end is missing: was it saved only half?)",
        ),
        ("\x00\x01", "content: this is not JSON: Expecting value at line 1, column 1"),
        ("[" * 100_000, "content: this is nested too deeply for a policy"),
        ("[]", "expected an object in braces, found a list"),
        ("5", "expected an object in braces, found the number 5"),
        (
            '{"owners": [], "owners": []}',
            "the key 'owners' occurs more than once; keep one",
        ),
        (
            '{"global": {"size_limit": NaN}}',
            "global.size_limit: expected a whole number of bytes, found NaN, which is not JSON",
        ),
        (
            {"rules": {"1": {"content_limit": "5"}}, "onwers": []},
            "rules.1.content_limit: expected a whole number of bytes, found the text '5'; "
            "write it without quotes; onwers: unknown key; did you mean 'owners'?",
        ),
    ],
)
def test_a_content_that_is_no_policy_is_refused(content: Any, message: str) -> None:
    """With every place, as for the file."""
    assert refused(signed(owner_key, content)) == f"invalid: {message}"


def parts(number: int) -> dict[str, Any]:
    """A content of so many lists and objects, most of them in a comment."""
    return {"_": [[]] * (number - 2)}


def rules_add(number: int) -> dict[str, Any]:
    return {"rules_add": {f"{20_000 + i}": {} for i in range(number)}}


def rules_extend(number: int) -> dict[str, Any]:
    return {"rules_extend": {f"{20_000 + i}": {} for i in range(number)}}


def regexes(number: int) -> dict[str, Any]:
    tags = {f"t{i}": "^a$" for i in range(number - 2)}
    return {
        "rules_add": {
            "7": {"identifier_regex": "^a$", "tag_validation": tags},
            "8": {"tag_validation": {"d": "^a$"}},
        }
    }


def regexes_of_a_policy(number: int) -> dict[str, Any]:
    return {"global": {"tag_validation": {f"t{i}": "^a$" for i in range(number)}}}


@pytest.mark.parametrize(
    ("content", "most", "message"),
    [
        (parts, 40_000, "content: this has 40001 brackets and braces, a policy at most 40000"),
        (rules_add, 2_000, "rules_add: 2001 kinds; an admin has at most 2000"),
        (rules_extend, 2_000, "rules_extend: 2001 kinds; an admin has at most 2000"),
        *(
            (
                content,
                100,
                "content: has 101 regular expressions; an admin's event has at most 100",
            )
            for content in (regexes, regexes_of_a_policy)
        ),
    ],
)
def test_an_admins_content_is_bounded_before_it_is_read(
    content: Callable[[int], dict[str, Any]], most: int, message: str
) -> None:
    """Reading it is done at every start, and costs the relay's time."""
    assert not examined(signed(admin_key, content(most))).is_owner
    assert refused(signed(admin_key, content(most + 1))) == f"invalid: {message}"


@pytest.mark.parametrize(
    "content", [parts(40_001), regexes_of_a_policy(101)], ids=["parts", "regexes"]
)
def test_an_owners_content_may_be_larger(content: dict[str, Any]) -> None:
    """Those bounds are for admins."""
    assert examined(signed(owner_key, FULL | content)).is_owner


@pytest.mark.parametrize("content", [[], [{}], "5", '"rules_add"'])
def test_an_admins_content_is_an_object(content: Any) -> None:
    """Whatever else JSON can say."""
    assert refused(signed(admin_key, content)).startswith("invalid: expected an object in braces")


def test_nesting_within_a_comment_is_no_fault() -> None:
    """Where it goes no deeper than a policy is read."""
    nested = json.dumps(FULL)[:-1] + ', "_x": ' + "[" * 31 + "]" * 31 + "}"
    assert examined(signed(owner_key, nested)).is_owner


def test_keys_of_both_are_refused() -> None:
    """What is it then? All the keys of the one are named."""
    mixed = {"rules": {}, "kind_whitelist_add": [1], "global": {}}
    for key in (owner_key, admin_key):
        assert refused(signed(key, mixed)) == (
            "invalid: global: a full policy's key beside a contribution's; send one or the other; "
            "rules: a full policy's key beside a contribution's; send one or the other"
        )


def test_a_null_or_a_comment_makes_nothing_a_contribution() -> None:
    """It is the same as not written."""
    content: dict[str, Any] = FULL | {"rules_add": None, "_rules_add": {}}
    assert isinstance(examined(signed(owner_key, content)).content, Policy)


@pytest.mark.parametrize("key", sorted(CONTRIBUTION_KEYS))
def test_an_owner_sends_full_policies_only(key: str) -> None:
    """Any of a contribution's keys makes it one."""
    assert refused(signed(owner_key, {key: {}})) == (
        f"invalid: {key}: this is a policy admin's contribution; an owner sends a full policy"
    )


def test_a_misspelt_contribution_is_explained_as_one() -> None:
    """The nearest key is a contribution's."""
    assert refused(signed(admin_key, {"rules_extnd": {}})) == (
        "invalid: rules_extnd: unknown key; did you mean 'rules_extend'?"
    )


def test_an_owner_must_stay_owner() -> None:
    """A policy without owners, or without its author, could never be changed by its author."""
    assert refused(signed(owner_key, {})) == (
        "invalid: owners: names nobody; a policy event must name its author here"
    )
    assert refused(signed(owner_key, {"owners": [ALICE]})) == (
        "invalid: owners: does not name this event's author; add your own key"
    )


@pytest.mark.parametrize("name", ["write_deny", "read_deny"])
def test_an_owner_cannot_deny_the_author(name: str) -> None:
    """In `global` or in a kind's rule; someone else may be denied."""
    denies = {name: [ALICE, OWNER]}
    assert refused(signed(owner_key, FULL | {"global": denies, "rules": {"7": denies}})) == (
        f"invalid: global.{name}[1]: denies this event's author; remove your own key; "
        f"rules.7.{name}[1]: denies this event's author; remove your own key"
    )
    assert examined(signed(owner_key, FULL | {"global": {name: [ALICE, BOB]}})).is_owner


def test_an_owners_event_names_known_scripts_only() -> None:
    """As they are written: a path that leads elsewhere is another. The path is not repeated."""
    content = FULL | {
        "global": {"script": "scripts/ok.sh"},
        "rules": {"1": {"script": "/bin/sh"}, "2": {"script": "scripts/../ok.sh"}},
    }
    reason = (
        "a policy event may name only a script that the relay's own policy file names "
        "or that is in the folder 'scripts' beside it; this one is neither"
    )
    assert refused(signed(owner_key, content), known_scripts={"scripts/ok.sh"}) == (
        f"invalid: rules.1.script: {reason}; rules.2.script: {reason}"
    )
    assert refused(signed(owner_key, content)).count(".script") == 3


def test_an_owners_policy_can_be_checked_before_it_is_signed() -> None:
    """Every place at once, as it would be of the event; without scripts known, any may be."""
    wrong = structure_policy(
        {"rules": {"1": {"read_deny": [OWNER], "script": "x"}}, "owners": [ADMIN]}
    )
    for known, places in (
        (None, ["owners", "rules.1.read_deny[0]"]),
        ((), ["owners", "rules.1.read_deny[0]", "rules.1.script"]),
    ):
        with pytest.raises(InvalidPolicy) as caught:
            check_owner_policy(wrong, OWNER, known)
        assert [problem.place for problem in caught.value.problems] == places
    check_owner_policy(structure_policy(FULL), OWNER)


def test_no_mark_comes_through_an_events_content() -> None:
    """A `_policy_event` in it would make the file's mark what the author likes."""
    content = FULL | {"_policy_event": {"created_at": 1, "id": "0" * 64}, "_note": 1}
    update = examined(signed(owner_key, content))
    assert update.mark.created_at == NOW
    assert update.document == FULL | {"_note": 1}
    twice = json.dumps(content)[:-1] + ', "_policy_event": 5}'
    assert "_policy_event" not in (examined(signed(owner_key, twice)).document or {})


@pytest.mark.parametrize(
    ("place", "message", "told"),
    [
        ("p" * 120, "m" * 278, f"{'p' * 120}: {'m' * 278}"),
        ("p" * 121, "m" * 277, f"{'p' * 120}…: {'m' * 277}"),
        ("p", "m" * 398, f"p: {'m' * 397}…"),
        ("a\n", "b\x1b", r"a\n: b\x1b"),
    ],
)
def test_each_problem_is_told_within_a_bound(place: str, message: str, told: str) -> None:
    """120 characters of its place and 400 of all, on one line."""
    refusal = RefusedUpdate.for_content(InvalidPolicy([Problem(place, message)]))
    assert str(refusal) == f"invalid: {told}"


def test_the_answer_has_a_bound() -> None:
    """However many and however long the mistakes are; the first are named."""
    many_keys = {f"{i:04d}\n\u202e" + "x" * 200: 1 for i in range(300)}
    with pytest.raises(RefusedUpdate) as error:
        examined(signed(owner_key, FULL | many_keys))
    assert len(str(error.value)) < 30_000
    assert r"0000\n\u202exxx" in str(error.value)
    assert str(error.value).endswith("; and 50 more")
    assert str(error.value).isprintable()
    assert len(error.value.problems) == 100


# --- the order


def test_the_first_check_that_fails_answers() -> None:
    """An event that is wrong in every way, mended one by one."""
    now = {"now": NOW - 1000, "require_relay_tag": True}
    ours = [["relay", URL]]
    forged = attrs.evolve(signed(stranger_key, "no JSON"), sig="00" * 64)
    assert "signature" in refused(forged, **now)
    assert "only owners" in refused(signed(stranger_key, "no JSON"), **now)
    assert "relay tag" in refused(signed(owner_key, "no JSON"), **now)
    assert "ahead" in refused(signed(owner_key, "no JSON", tags=ours), **now)
    old = {"require_relay_tag": True, "freshness": Freshness(Mark(NOW + 1))}
    assert "not new" in refused(signed(owner_key, "no JSON", tags=ours), **old)
    assert "not JSON" in refused(signed(owner_key, "no JSON", tags=ours), require_relay_tag=True)


# --- laws


@some
@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys((field.name for field in attrs.fields(AnEvent)), json_values),
    )
)
def test_any_object_is_refused_and_nothing_else(fields: dict[str, Any]) -> None:
    """Whatever the fields hold, only a RefusedUpdate comes out."""
    genuine = signed(owner_key, FULL)
    lying = attrs.evolve(genuine, **fields) if fields else object()
    assume(lying not in (genuine, attrs.evolve(genuine, tags=[])))  # the same event as JSON
    refused(lying)


_CONTENT = (
    json_values
    | st.text()
    | st.binary().map(lambda b: b.decode("latin-1"))
    | policies()
    | st.dictionaries(st.sampled_from(sorted(CONTRIBUTION_KEYS | POLICY_KEYS)), json_values)
)
_KEYS: tuple[Key, ...] = (owner_key, admin_key, stranger_key)


@some
@given(_CONTENT, st.sampled_from(_KEYS), st.lists(st.lists(st.text(), min_size=1)))
def test_any_signed_event_is_an_update_or_refused(
    content: Any, key: Key, tags: list[list[str]]
) -> None:
    """By an owner it is a policy that names the author; a stranger's never passes."""
    try:
        update = examined(signed(key, content, tags=tags))
    except RefusedUpdate:
        return
    assert key is not stranger_key
    assert update.author == key.pubkey
    if update.is_owner:
        assert isinstance(update.content, Policy)
        assert key.pubkey in update.content.owners
