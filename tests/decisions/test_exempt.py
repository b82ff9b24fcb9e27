"""Whom no denial of an admin's reaches: owners and admins, who submit, or write the event."""

from typing import Any

import pytest
from examples import ADMIN, ALICE, BOB, NOW, OWNER, AnEvent

from orly_policy_plugin.authority.contributions import read_contribution
from orly_policy_plugin.decisions import Snapshot, compile_policy
from orly_policy_plugin.policy import structure_policy

POLICY = {"owners": [OWNER], "policy_admins": [ADMIN], "rules": {"1": {"description": "notes"}}}
DENIALS: dict[str, dict[str, Any]] = {
    "a list": {"rules_extend": {"1": {"write_deny_add": [BOB], "read_deny_add": [BOB]}}},
    "the blacklist": {"kind_blacklist_add": [7]},
    "a rule": {"rules_add": {"8": {"write_allow": [ALICE], "read_allow": [ALICE]}}},
}
KINDS = {"a list": 1, "the blacklist": 7, "a rule": 8}


def with_denial(content: dict[str, Any]) -> Snapshot:
    made = read_contribution(content, admin=ADMIN, created_at=NOW, event_id="1d" * 32)
    return compile_policy(structure_policy(POLICY), contributions=[made])


@pytest.mark.parametrize("name", DENIALS)
@pytest.mark.parametrize("author", [OWNER, ADMIN])
def test_an_owners_event_is_stored_whoever_submits_it(name: str, author: str) -> None:
    """And is not handed to those who may not read it: on reads the author is nobody's key."""
    snapshot = with_denial(DENIALS[name])
    event = AnEvent(kind=KINDS[name], pubkey=author)
    assert snapshot.write(event, (BOB,), NOW).accepted
    assert not snapshot.read(event, (BOB,), NOW).accepted


@pytest.mark.parametrize("name", DENIALS)
@pytest.mark.parametrize("who", [OWNER, ADMIN])
def test_an_owner_submits_and_reads_all(name: str, who: str) -> None:
    """And others do not."""
    snapshot = with_denial(DENIALS[name])
    event = AnEvent(kind=KINDS[name], pubkey=BOB)
    for ask in (snapshot.write, snapshot.read):
        assert ask(event, (who,), NOW).accepted
        assert not ask(event, (BOB,), NOW).accepted


REGEXES = {"8": {"identifier_regex": "^x"}, "9": {"tag_validation": {"t": "^x", "e": "^x"}}}


@pytest.mark.parametrize(("kind", "name"), [(8, "d"), (9, "t"), (9, "e")])
def test_an_admins_regex_is_given_little_text(kind: int, name: str) -> None:
    """A long text costs time, which is the owner's to give away: 4096 characters of a name's
    values together; those of other names do not count.
    """
    snapshot = with_denial({"rules_add": REGEXES})
    half, other = [name, "x" * 2_048], ["another", "x" * 9_000]
    enough, too_much = (
        snapshot.write(AnEvent(kind=kind, tags=[half, other, half, *more]), (BOB,), NOW)
        for more in ([], [[name, "x"]])
    )
    assert enough.accepted
    assert too_much.message == f'invalid: the "{name}" tags are too long for kind {kind}'
