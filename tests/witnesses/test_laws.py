"""No witness is false, and no two policies that differ are called alike."""

import random
from typing import Any

import pytest
import spec_model
from depth import times
from examples import KEYS, NOW, AnEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import KINDS, TAG_NAMES, policies, rules

from orly_policy_hookspecs.nip01 import event_json
from orly_policy_hookspecs.nip01.wellformed import malformed
from orly_policy_plugin.decisions import compile_policy
from orly_policy_plugin.policy import structure_policy
from orly_policy_plugin.witnesses import Comparison, Side, compare

Json = dict[str, Any]
pairs = settings(max_examples=times(20, 2_000), suppress_health_check=list(HealthCheck))


@st.composite
def edited(draw: st.DrawFn) -> tuple[Json, Json]:
    """A policy, and the same with one part replaced: most pairs of two have nothing in common."""
    old, other = draw(policies()), draw(policies())
    new = dict(old)
    part = draw(st.sampled_from(("global", "kind", "rules", "default_policy", "field", "none")))
    if part in other:
        new[part] = other[part]
    elif part == "field" and old.get("rules"):
        kind = draw(st.sampled_from(sorted(old["rules"])))
        more = draw(rules())
        new["rules"] = {**old["rules"], kind: {**old["rules"][kind], **more}}
    else:
        new.pop(part, None)
    permissive = new.get("global", {})
    if permissive.get("read_allow_permissive") and permissive.get("write_allow_permissive"):
        new.pop("kind", None)
    return old, new


both = edited() | st.tuples(policies(), policies())


def compared(old: Json, new: Json) -> Comparison:
    return compare(Side(structure_policy(old)), Side(structure_policy(new)), NOW)


@given(both)
@pairs
@pytest.mark.heavy
def test_no_witness_is_false(pair: tuple[Json, Json]) -> None:
    """The brute-force model of the specification answers each as the comparison says."""
    for difference in compared(*pair).differences:
        question, follows = difference.question, difference.assumed.follows
        assert malformed(event_json(question.event)) is None
        answers = [
            spec_model.answer(policy, question.access, question.event, question.keys, NOW, follows)
            for policy in pair
        ]
        assert [answer == "accept" for answer in answers] == [
            difference.old.decision.accepted,
            difference.new.decision.accepted,
        ]
        assert difference.old.decision.accepted is not difference.new.decision.accepted


def a_question(draw: random.Random) -> tuple[str, AnEvent, tuple[str, ...]]:
    """Of the values of the generated events, drawn without hypothesis: there are many."""
    event = AnEvent(
        pubkey=draw.choice(KEYS),
        created_at=draw.choice((NOW, NOW, NOW - 60, NOW - 61, NOW + 61, NOW - 90_000, 0)),
        kind=draw.choice((*KINDS, 7, 12345)),
        tags=tuple(a_tag(draw) for _ in range(draw.choice((0, 0, 1, 1, 2, 3)))),
        content="x" * draw.choice((0, 5, 6, 7, 20, 30, 100, 101)),
    )
    keys = tuple(draw.sample(KEYS, draw.choice((0, 1, 1, 1, 2))))
    return draw.choice(("write", "read")), event, keys


def a_tag(draw: random.Random) -> tuple[str, ...]:
    name = draw.choice(TAG_NAMES)
    if name == "expiration":
        return name, str(NOW + draw.choice((-100, 0, 30, 60, 90, 3_000, 90_000)))
    values = ("", "abc", "note-1", "Post-2", "12345", *KEYS, *map(str.upper, KEYS))
    return (name,) if draw.random() < 0.3 else (name, draw.choice(values))


def followed(draw: random.Random) -> dict[str, tuple[str, ...]]:
    return {author: tuple(draw.sample(KEYS, draw.choice((0, 1, 3)))) for author in KEYS}


@given(both, st.integers(0, 2**32))
@pairs
@pytest.mark.heavy
def test_none_that_differ_are_called_alike(pair: tuple[Json, Json], seed: int) -> None:
    """Of 500 questions, with whatever follow lists, both answer each alike."""
    old, new = map(structure_policy, pair)
    if compare(Side(old), Side(new), NOW).alike is not True:
        return
    draw = random.Random(seed)
    for _ in range(10):
        follows = followed(draw)
        snapshots = [compile_policy(policy, follows=follows) for policy in (old, new)]
        for _ in range(50):
            access, event, keys = a_question(draw)
            answers = [
                (each.write if access == "write" else each.read)(event, keys, NOW).accepted
                for each in snapshots
            ]
            assert answers[0] == answers[1], (access, event, keys)
