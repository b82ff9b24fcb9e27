"""The engine as a plugin: decisions, faults, follow lists."""

import asyncio
import json
import logging
import tempfile
from pathlib import Path
from typing import Any

import pytest
from examples import ADMIN, ALICE, BOB, CAROL, NOBODY, NOW, OWNER, VOUCH, AnEvent, Answering, by
from hypothesis import given
from hypothesis import strategies as st
from live.making import eventually
from strategies import json_values, some

from orly_policy_hookspecs import Decision, Gate, GateSettings, Verdict
from orly_policy_plugin.decisions import Snapshot
from orly_policy_plugin.desk.desk import NAME as DESK
from orly_policy_plugin.desk.settings import DeskSettings
from orly_policy_plugin.errors import Unreadable
from orly_policy_plugin.plugin import NAME, PolicyPlugin, register
from orly_policy_plugin.policy import InvalidPolicy, policy_version, structure_policy
from orly_policy_plugin.settings import Settings

Json = dict[str, Any]


def plugin_of(policy: Json, **more: Any) -> PolicyPlugin:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.json"
        save(path, policy)
        return PolicyPlugin.load(path, clock=lambda: NOW, **more)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "policy.json"


def save(path: Path, policy: Json) -> None:
    path.write_text(json.dumps(policy))


def test_it_answers_as_the_policy_says(path: Path) -> None:
    """Through the gate, with its name as the source and the test's clock."""
    save(path, {"rules": {"1": {"max_age_of_event": 60}, "4": {"privileged": True}}})
    gate = Gate()
    gate.register(PolicyPlugin.load(path, clock=lambda: NOW), NAME)
    gate.check()

    old = gate.blocking.write(AnEvent(created_at=NOW - 61), NOBODY)
    assert (old.source, old.accepted) == (NAME, False)
    assert old.message.startswith("invalid: created_at is 61 seconds ago")
    assert gate.blocking.write(AnEvent(created_at=NOW - 60), NOBODY).accepted
    message = AnEvent(kind=4, tags=[["p", BOB]])
    assert [
        gate.blocking.read(message, by(*keys)).accepted
        for keys in ((), (ALICE,), (BOB,), (CAROL,), (CAROL, BOB))
    ] == [False, True, True, False, True]


def test_half_a_second_does_not_matter(path: Path) -> None:
    """The clock is cut to whole seconds, as created_at is."""
    save(path, {"rules": {"1": {"max_age_of_event": 60}}})
    plugin = PolicyPlugin.load(path, clock=lambda: NOW + 0.9)
    assert plugin.on_write(AnEvent(created_at=NOW - 60), NOBODY).accepted


def test_the_default_is_a_fallback_that_a_listed_plugin_may_overrule() -> None:
    """default_policy: deny, and a plugin for paid members beside it."""
    for may_vouch, opened in ((frozenset({"members"}), True), (frozenset(), False)):
        gate = Gate(GateSettings(may_vouch_write=may_vouch))
        gate.register(
            plugin_of({"default_policy": "deny", "rules": {"4": {"write_deny": [BOB]}}}), NAME
        )
        gate.register(Answering(VOUCH), "members")
        assert gate.blocking.write(AnEvent(), NOBODY).accepted is opened
        assert not gate.blocking.write(AnEvent(kind=4), by(BOB)).accepted


FIELDS = ("id", "pubkey", "created_at", "kind", "tags", "content", "sig")

DENYING: list[Json] = [
    {"size_limit": 10},
    {"content_limit": 0},
    {"must_have_tags": ["zap"]},
    {"write_deny": [ALICE]},
    {"write_allow": [BOB]},
    {"max_age_of_event": 1},
    {"identifier_regex": "^x$"},
    {"max_expiry": 1},
]


@given(st.sampled_from(DENYING), st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=3))
@some
def test_no_event_of_wrong_types_makes_it_raise(rule: Json, fields: Json) -> None:
    """Whatever the fields hold, the answer is a decision."""
    plugin = plugin_of({"rules": {"1": rule}})
    event = AnEvent(**fields)
    for decision in (plugin.on_write(event, NOBODY), plugin.on_read(event, NOBODY)):
        assert type(decision) is Decision


WRONG: list[tuple[Json, Json]] = [
    ({"size_limit": 10**6}, {"content": object()}),
    ({"content_limit": 0}, {"content": 5}),
    ({"content_limit": 0}, {"content": None}),
    ({"content_limit": 99}, {"content": ["x"]}),
    ({"must_have_tags": ["p"]}, {"tags": None}),
    ({"must_have_tags": ["p"]}, {"tags": 5}),
    ({"must_have_tags": ["p"]}, {"tags": [[], ["p"]]}),
    ({"must_have_tags": ["p"]}, {"tags": [[["p"]]]}),
    ({"allowed_tags": ["p"]}, {"tags": [[["p"]]]}),
    ({"allowed_tags": ["p"]}, {"tags": [None]}),
    ({"identifier_regex": "^x$"}, {"tags": [["d", 5]]}),
    ({"identifier_regex": "."}, {"tags": [["d", "\ud800"]]}),
    ({"tag_validation": {"d": "."}}, {"tags": [["d", None]]}),
    ({"max_expiry": 10}, {"tags": [["expiration", NOW]]}),
    ({"max_expiry": 10}, {"tags": [["expiration", str(NOW)]], "created_at": "now"}),
    ({"max_age_of_event": 10}, {"created_at": "now"}),
    ({"max_age_of_event": 10}, {"created_at": None}),
    ({"max_age_event_in_future": 10}, {"created_at": [NOW]}),
    ({"write_deny": [ALICE]}, {"pubkey": None}),
    ({"write_deny": [ALICE]}, {"pubkey": [ALICE]}),
    ({"write_deny": [ALICE]}, {"pubkey": 5}),
    ({"write_allow_if_tagged": [ALICE]}, {"tags": [["p", 1]]}),
    ({"write_allow_if_tagged": [ALICE]}, {"tags": [[]]}),
    ({}, {"kind": "1"}),
    ({}, {"kind": None}),
    ({}, {"kind": [1]}),
    ({}, {"kind": {}}),
    ({}, {"kind": 2.0}),
    ({}, {"kind": float("nan")}),
]


@pytest.mark.parametrize(("rule", "fields"), WRONG)
def test_an_event_of_wrong_types_is_refused(rule: Json, fields: Json) -> None:
    """A field that cannot be looked at is our fault, and our faults are rejections."""
    decision = plugin_of({"rules": {"1": rule}}).on_write(AnEvent(**fields), NOBODY)
    assert decision.verdict is Verdict.REJECT
    assert decision.message.startswith("error:")


def test_reading_a_privileged_kind_of_wrong_types_gives_nothing_away() -> None:
    """A stored event that is damaged is shown to nobody who is not its party."""
    plugin = plugin_of({"rules": {"4": {"privileged": True}}})
    for tags in (None, 5, [[]], [["p", 1]], [None], [["p", None]]):
        assert not plugin.on_read(AnEvent(kind=4, tags=tags), by(BOB)).accepted
    for kind in (4, True + 3, 4.0):
        assert not plugin.on_read(AnEvent(kind=kind), by(BOB)).accepted


@pytest.mark.parametrize("broken", ["clock", "event"])
def test_a_fault_while_deciding_is_a_rejection(
    broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Never an accept and never an exception; the log says what it was."""

    def clock() -> float:
        raise OSError("no clock")

    class Broken:
        @property
        def kind(self) -> int:
            raise OSError("no event")

    event = Broken() if broken == "event" else AnEvent()
    with_clock = plugin_of({})
    if broken == "clock":
        with_clock._clock = clock
    with caplog.at_level(logging.ERROR):
        for decision in (
            with_clock.on_write(event, NOBODY),  # type: ignore[arg-type]
            with_clock.on_read(event, NOBODY),  # type: ignore[arg-type]
        ):
            assert decision.verdict is Verdict.REJECT
            assert decision.message.startswith("error:")
            assert "no " not in decision.message
    assert f"no {broken}" in caplog.text


def test_a_policy_event_is_not_believed_unverified() -> None:
    """An event that only says that it is the owner's changes nothing."""
    gate = Gate()
    gate.register(plugin_of({"owners": [OWNER]}), NAME)
    forged = AnEvent(kind=12345, pubkey=OWNER, content='{"owners": []}')
    decision = asyncio.run(gate.policy_event(forged, by(OWNER)))
    assert not decision.accepted
    assert decision.message.startswith("invalid:")
    assert not gate.blocking.write(AnEvent(kind=12345), by(OWNER)).accepted


FOLLOWS_POLICY: Json = {
    "default_policy": "deny",
    "rules": {"1": {"follows_whitelist_admins": [ADMIN]}},
}


def test_follow_lists_given_by_a_call_count_from_then_on() -> None:
    """An unfollow takes effect; what was decided under the old snapshot stays."""
    plugin = plugin_of(FOLLOWS_POLICY)
    before = plugin.snapshot
    assert not plugin.on_write(AnEvent(), by(BOB)).accepted
    plugin.set_follows({ADMIN: [BOB]})
    assert plugin.on_write(AnEvent(), by(BOB)).accepted
    assert not plugin.on_write(AnEvent(), by(CAROL)).accepted
    plugin.set_follows({ADMIN: [CAROL]})
    assert not plugin.on_write(AnEvent(), by(BOB)).accepted
    assert plugin.on_write(AnEvent(), by(CAROL)).accepted
    plugin.set_follows({})
    assert not plugin.on_write(AnEvent(), by(CAROL)).accepted
    assert not before.write(AnEvent(), (BOB,), NOW).accepted


def test_the_callers_follow_lists_may_change_afterwards() -> None:
    """They were copied: what is in force changes by a call alone."""
    plugin = plugin_of(FOLLOWS_POLICY)
    followed = [BOB]
    follows = {ADMIN: followed}
    plugin.set_follows(follows)
    followed.append(CAROL)
    follows[BOB] = [CAROL]
    assert not plugin.on_write(AnEvent(), by(CAROL)).accepted


def test_listeners_hear_of_every_swap(caplog: pytest.LogCaptureFixture) -> None:
    """With the old and the new snapshot; one that fails keeps nothing from the others."""
    heard: list[tuple[Snapshot, Snapshot]] = []

    def failing(old: Snapshot, new: Snapshot) -> None:
        raise RuntimeError("no terminal")

    plugin = plugin_of(FOLLOWS_POLICY)
    first = plugin.snapshot
    plugin.listen(failing)
    plugin.listen(lambda old, new: heard.append((old, new)))
    with caplog.at_level(logging.ERROR):
        plugin.set_follows({ADMIN: [BOB]})
        eventually(lambda: bool(heard))
    assert heard == [(first, plugin.snapshot)]
    assert "no terminal" in caplog.text


def test_a_script_that_is_not_there_stops_the_start(path: Path) -> None:
    """All places are named."""
    save(path, {"global": {"script": "x.sh"}, "rules": {"1": {"script": "/x"}}})
    with pytest.raises(InvalidPolicy, match="is not there") as caught:
        PolicyPlugin.load(path)
    places = [problem.place for problem in caught.value.problems]
    assert places == ["global.script", "rules.1.script"]


@pytest.mark.parametrize(
    "policy",
    [
        {"rules": {"1": {"rate_limit": 0}}},
        {"rules": {"1": {"write_allow_follows": True}}},
        {"policy_follow_whitelist_enabled": True, "policy_admins": [ADMIN]},
        {"global": {"follows_whitelist_admins": [], "read_follows_whitelist": []}},
    ],
)
def test_what_asks_for_nothing_is_taken(path: Path, policy: Json) -> None:
    """A limit of 0, a switch that is off, an empty list."""
    save(path, policy)
    PolicyPlugin.load(path)


@pytest.mark.parametrize("content", ["", "{", '{"x": 1}', "[]", "null"])
def test_a_wrong_file_stops_the_start(path: Path, content: str) -> None:
    """Never allow all."""
    path.write_text(content)
    with pytest.raises(InvalidPolicy):
        PolicyPlugin.load(path)


def test_a_missing_file_stops_the_start(path: Path) -> None:
    """With one clear line."""
    with pytest.raises(Unreadable, match="is not there"):
        PolicyPlugin.load(path)


def test_a_directory_stops_the_start(tmp_path: Path) -> None:
    """With a line of the same kind, not with another exception."""
    with pytest.raises(Unreadable, match="a directory"):
        PolicyPlugin.load(tmp_path)


def test_the_status_says_what_is_in_force(path: Path) -> None:
    """Path, version, since when, and no problems."""
    save(path, {"default_policy": "deny"})
    plugin = PolicyPlugin.load(path, clock=lambda: NOW, owners=[OWNER])
    assert plugin.status.version == policy_version(structure_policy({"default_policy": "deny"}))
    assert (plugin.status.path, plugin.status.in_force_since) == (path, NOW)
    assert plugin.status.problems == ()
    assert plugin.snapshot.owners == {OWNER}


def test_registering_with_a_gate(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Under the engine's name, with its desk; switched off neither is, and that is said."""
    save(path, {"default_policy": "deny"})
    gate = Gate()
    assert register(gate, Settings(path=path)) is not None
    assert gate.plugins == (NAME, DESK)
    alone = Gate()
    assert register(alone, Settings(path=path, desk=DeskSettings(is_open=False))) is not None
    assert alone.plugins == (NAME,)
    off = Gate()
    with caplog.at_level(logging.WARNING):
        assert register(off, Settings(path=path, enabled=False)) is None
        off.check()
    assert off.plugins == ()
    assert "no policy is enforced" in caplog.text
