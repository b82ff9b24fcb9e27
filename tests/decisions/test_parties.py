"""Who is a party to an event."""

import pytest
from examples import ALICE, BOB, CAROL, NOW, AnEvent

from orly_policy_plugin.decisions import compile_policy, is_party_involved
from orly_policy_plugin.policy import structure_policy

EVENTS = {
    "no tags": AnEvent(),
    "named": AnEvent(tags=[["p", BOB]]),
    "named second": AnEvent(tags=[["p", CAROL, "wss://relay"], ["p", BOB]]),
    "named in capitals": AnEvent(tags=[["p", BOB.upper()]]),
    "no value": AnEvent(tags=[["p"]]),
    "another tag": AnEvent(tags=[["P", BOB], ["e", BOB], ["t", "p", BOB]]),
    "a prefix": AnEvent(tags=[["p", BOB[:63]], ["p", f" {BOB}"], ["p", ""]]),
}
PARTIES = {"named", "named second", "named in capitals"}


@pytest.mark.parametrize("name", EVENTS)
def test_the_author_and_whom_a_p_tag_names(name: str) -> None:
    """The same as ``privileged`` lets read."""
    event = EVENTS[name]
    assert is_party_involved(event, ALICE)
    assert is_party_involved(event, BOB) is (name in PARTIES)
    assert not is_party_involved(event, "")
    may_read = compile_policy(structure_policy({"rules": {"1": {"privileged": True}}})).read
    for key in ALICE, BOB, CAROL:
        assert is_party_involved(event, key) is may_read(event, (key,), NOW).accepted
