"""What is kept of an admin's full policy."""

import json
from typing import Any

import attrs
import pytest
from examples import AnEvent
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import kinds, many, policies, rules

from orly_policy_plugin.authority.allowed_differences import contribution_of
from orly_policy_plugin.authority.contributions import Contribution
from orly_policy_plugin.policy import InvalidPolicy, structure_policy
from orly_policy_plugin.state.full_policies import difference_of

from .nursery import ADMIN, some_id

EVENT = AnEvent(id=some_id(1), pubkey=ADMIN, created_at=5, kind=12345, content="{}")


def made(own: Any, full: Any) -> Contribution:
    return contribution_of(
        structure_policy(full),
        structure_policy(own),
        owners=frozenset(),
        admin=ADMIN,
        created_at=5,
        event_id=EVENT.id,
        content_bytes=2,
    )


@many
@given(policies(), st.dictionaries(kinds.map(str), rules(), max_size=3), st.data())
def test_all_that_was_applied_is_read_again(
    own: dict[str, Any], more: dict[str, Any], data: st.DataObject
) -> None:
    """However it was written: with what occurs twice, in whatever order and case."""
    full = json.loads(json.dumps(own))
    full["rules"] = {**more, **full["rules"]}
    for rule in (full.get("global", {}), full.get("kind", {}), *full["rules"].values()):
        for name, value in rule.items():
            if isinstance(value, list) and value:
                rule[name] = data.draw(st.permutations([*value, *value[:1]]))
    try:
        contribution = made(own, full)
    except InvalidPolicy:
        assume(False)
    read = difference_of(EVENT, structure_policy(full), contribution.canonical)
    assert read == contribution
    assert attrs.asdict(read)["content_bytes"] == 2


def test_a_rule_that_the_event_does_not_have_is_not_read() -> None:
    """One key more, or one field."""
    own, rule = {"policy_admins": [ADMIN]}, {"write_deny": ["ab" * 32]}
    full = structure_policy({**own, "rules": {"7": rule}})
    for more in {"write_deny": ["ab" * 32, "ef" * 32]}, {**rule, "write_allow": []}, {}:
        other = made(own, {**own, "rules": {"7": more}})
        with pytest.raises(InvalidPolicy, match="says what the event does not say"):
            difference_of(EVENT, full, other.canonical)
