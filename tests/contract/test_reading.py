"""What plugins say of a reader before any event is seen, made one."""

from typing import Any

import attrs
import pytest
from examples import NOBODY, Answering

from orly_policy_hookspecs import Context, Decision, Event, Gate, GateSettings, hookimpl
from orly_policy_hookspecs.reading import (
    HINDERS_NOTHING,
    NOTHING_KNOWN,
    ReadScope,
    SameForAllKinds,
)

FIRM = Decision.reject("restricted: not for you")
BY_DEFAULT = Decision.fallback("blocked: by default")
NOBODY_MAY = ReadScope(FIRM)
NOBODY_BY_DEFAULT = ReadScope(BY_DEFAULT, BY_DEFAULT, tells_addresses_apart=False)
PARTIES = ReadScope(None, FIRM, grants_rest=True, tells_addresses_apart=False)
PARTIES_BY_DEFAULT = ReadScope(None, BY_DEFAULT, grants_rest=True, tells_addresses_apart=False)


@attrs.frozen(eq=False)
class Foreseeing:
    """A plugin that says one thing of all readers."""

    scope: Any

    @hookimpl
    def on_read(self, event: Event) -> None:
        """Nothing to say."""

    @hookimpl
    def read_scopes(self, context: Context) -> Any:
        if isinstance(self.scope, Exception):
            raise self.scope
        return None if self.scope is None else SameForAllKinds(self.scope, frozenset({4}))


def scope(*scopes: Any, **settings: Any) -> ReadScope:
    gate = Gate(GateSettings(**settings))
    for each in scopes:
        gate.register(each if isinstance(each, Answering) else Foreseeing(each))
    made = gate.read_scopes(NOBODY)
    assert made.of_kind(4) == made.others
    return made.others


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ((), HINDERS_NOTHING),
        ((HINDERS_NOTHING,), HINDERS_NOTHING),
        ((HINDERS_NOTHING, NOBODY_MAY), NOBODY_MAY),
        ((NOBODY_BY_DEFAULT, HINDERS_NOTHING), NOBODY_BY_DEFAULT),
        ((PARTIES, HINDERS_NOTHING), PARTIES),
        ((PARTIES, None), attrs.evolve(PARTIES, grants_rest=False, tells_addresses_apart=True)),
        ((HINDERS_NOTHING, None), NOTHING_KNOWN),
        ((HINDERS_NOTHING, ValueError("no")), NOTHING_KNOWN),
        ((HINDERS_NOTHING, Answering()), NOTHING_KNOWN),
    ],
)
def test_none_hands_out_what_another_refuses(scopes: Any, expected: ReadScope) -> None:
    """And one that does not say is to be asked about every event."""
    assert scope(*scopes) == scope(*reversed(scopes)) == expected


def test_a_refusal_by_default_is_no_promise_where_another_may_vouch() -> None:
    """Neither is it settled then."""
    vouching = {"may_vouch_read": ["members"]}
    unsettled = ReadScope(tells_addresses_apart=False)
    assert scope(NOBODY_BY_DEFAULT, **vouching) == unsettled
    assert scope(PARTIES_BY_DEFAULT, **vouching) == unsettled
    assert scope(PARTIES, **vouching) == PARTIES


def test_a_wrapper_may_do_what_it_likes() -> None:
    """So that nothing is known before it was asked."""

    class Wrapping:
        @hookimpl(wrapper=True)
        def on_read(self, event: Event) -> Any:
            return (yield)

    gate = Gate()
    gate.register(Foreseeing(NOBODY_MAY))
    gate.register(Wrapping())
    assert gate.read_scopes(NOBODY).others == NOTHING_KNOWN


def test_a_plugin_that_reads_nothing_hinders_nothing() -> None:
    """One for writes alone."""

    class Writing:
        @hookimpl
        def on_write(self, event: Event) -> None:
            """Nothing to say."""

    gate = Gate()
    gate.register(Writing())
    assert gate.read_scopes(NOBODY).others == HINDERS_NOTHING
