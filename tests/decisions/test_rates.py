"""``rate_limit`` as a field of the policy: where it counts, and when it is charged."""

import json
from pathlib import Path
from typing import Any

from examples import ADMIN, ALICE, BOB, NOW, OWNER, AnEvent, by

from orly_policy_hookspecs import Decision, Gate, Verdict
from orly_policy_plugin.authority.contributions import read_contribution
from orly_policy_plugin.decisions import Pending, Snapshot, compile_policy
from orly_policy_plugin.plugin import NAME, PolicyPlugin
from orly_policy_plugin.policy import structure_policy

LARGE = AnEvent(content="x" * 2000)
RATE = {"rate_limit": 100}


def compiled(policy: dict[str, Any], **more: Any) -> Snapshot:
    return compile_policy(structure_policy(policy), **more)


def places(snapshot: Snapshot, event: AnEvent, *keys: str) -> list[str]:
    """The limits that are left to charge."""
    outcome = snapshot.write(event, keys, NOW)
    return [rate.place for rate in outcome.rates] if isinstance(outcome, Pending) else []


def test_the_global_limit_and_the_kinds_both_count() -> None:
    """The global one first; a kind without one has the global one alone."""
    snapshot = compiled({"global": RATE, "rules": {"1": RATE, "2": {}}})
    assert places(snapshot, AnEvent()) == ["global.rate_limit", "rules.1.rate_limit"]
    assert places(snapshot, AnEvent(kind=2)) == ["global.rate_limit"]
    assert places(snapshot, AnEvent(kind=3)) == ["global.rate_limit"]


def test_zero_is_off_and_reads_are_not_limited() -> None:
    """Nothing is left open then."""
    snapshot = compiled({"rules": {"1": RATE, "2": {"rate_limit": 0}}})
    assert isinstance(snapshot.write(AnEvent(kind=2), (), NOW), Decision)
    assert isinstance(snapshot.read(AnEvent(), (), NOW), Decision)


def test_what_is_denied_anyway_is_not_charged() -> None:
    """A criterion that fails, and ``default_policy``, decide before the rate is looked at."""
    snapshot = compiled({"default_policy": "deny", "rules": {"1": RATE | {"content_limit": 10}}})
    assert isinstance(snapshot.write(LARGE, (ALICE,), NOW), Decision)
    assert isinstance(snapshot.write(AnEvent(), (ALICE,), NOW), Decision)


def test_who_is_granted_is_charged() -> None:
    """Under ``default_policy`` deny: the allowed one, and nobody else."""
    rule = RATE | {"write_allow": [ALICE]}
    snapshot = compiled({"default_policy": "deny", "rules": {"1": rule}})
    assert places(snapshot, AnEvent(), ALICE) == ["rules.1.rate_limit"]
    assert places(snapshot, AnEvent(), BOB) == []


def test_who_is_granted_by_a_script_is_charged() -> None:
    """Though nothing else grants."""
    rules = {"1": RATE | {"script": "x"}}
    snapshot = compiled({"default_policy": "deny", "rules": rules})
    assert places(snapshot, AnEvent()) == ["rules.1.rate_limit"]


def test_an_admins_rule_brings_its_limit() -> None:
    """For everybody but owners and admins."""
    policy = {"owners": [OWNER], "policy_admins": [ADMIN]}
    added = read_contribution(
        {"rules_add": {"7": RATE}}, admin=ADMIN, created_at=1, event_id="ab" * 32
    )
    outcome = compiled(policy, contributions=[added]).write(AnEvent(kind=7), (), NOW)
    assert isinstance(outcome, Pending)
    (rate,) = outcome.rates
    assert rate.place == f"contributions.{'ab' * 32}.rules_add.7.rate_limit"
    assert rate.exempt.exempts(AnEvent(), (OWNER,))
    assert not rate.exempt.exempts(AnEvent(), (BOB,))
    owned = compiled({**policy, "rules": {"7": {"rate_limit": 5}}}, contributions=[added])
    assert places(owned, AnEvent(kind=7)) == ["rules.7.rate_limit"]


def test_an_explanation_shows_the_limit() -> None:
    """As a last step, and as a denial where the event can never fit."""
    snapshot = compiled({"rules": {"1": RATE}})
    fits = snapshot.explain("write", AnEvent(), (ALICE,), NOW)
    assert fits.decision.accepted
    assert [(step.place, step.outcome) for step in fits.steps] == [
        ("default_policy", "pass"),
        ("rules.1.rate_limit", "pass"),
    ]
    never = snapshot.explain("write", LARGE, (ALICE,), NOW)
    assert never.decision.verdict is Verdict.REJECT
    assert never.decision.message.endswith("it can never fit")
    assert never.steps[-1].outcome == "deny"


def test_the_plugin_limits_through_a_reload(tmp_path: Path) -> None:
    """What was written before the policy was compiled anew still counts."""
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"rules": {"1": RATE, "4": {"write_follows_whitelist": [BOB]}}}))
    plugin = PolicyPlugin.load(path, clock=lambda: NOW)
    gate = Gate()
    gate.register(plugin, NAME)
    event = AnEvent(content="x" * 400)
    before = plugin.snapshot
    assert gate.blocking.write(event, by(ALICE)).accepted
    plugin.set_follows({BOB: [ALICE]})
    assert plugin.snapshot is not before
    refused = gate.blocking.write(event, by(ALICE))
    assert refused.message.startswith("rate-limited: 100 bytes per second allowed, try again in ")
    assert gate.blocking.write(event, by(BOB)).accepted


def test_the_time_constant_is_a_setting(tmp_path: Path) -> None:
    """A longer one lets a larger event in."""
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"rules": {"1": RATE}}))
    for seconds, accepted in ((10, False), (100, True)):
        gate = Gate()
        gate.register(PolicyPlugin.load(path, rate_seconds=seconds), NAME)
        assert gate.blocking.write(LARGE, by(ALICE)).accepted is accepted
