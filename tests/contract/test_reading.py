"""What plugins say of a reader before any event is seen, made one."""

from typing import Any

import attrs
import pytest
from examples import ALICE, NOBODY, Answering, by

from orly_policy_hookspecs import Context, Decision, Event, Gate, GateSettings, hookimpl
from orly_policy_hookspecs.reading import (
    HINDERS_NOTHING,
    NOTHING_KNOWN,
    Kinds,
    ReadScope,
    SameForAllKinds,
    Sizes,
    combined,
)

FIRM = Decision.reject("restricted: not for you")
BY_DEFAULT = Decision.fallback("blocked: by default")
NOBODY_MAY = ReadScope(FIRM)
NOBODY_BY_DEFAULT = ReadScope(BY_DEFAULT, BY_DEFAULT, tells_addresses_apart=False)
PARTIES = ReadScope(None, FIRM, grants_rest=True, tells_addresses_apart=False)
PARTIES_BY_DEFAULT = ReadScope(None, BY_DEFAULT, grants_rest=True, tells_addresses_apart=False)
SMALL, SMALLER = ReadScope(grants_up_to=Sizes(100)), ReadScope(grants_up_to=Sizes(90))
SHORT = ReadScope(grants_up_to=Sizes(content=5))


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
        ((SMALL, HINDERS_NOTHING), SMALL),
        ((SMALL, SHORT), ReadScope(grants_up_to=Sizes(100, 5))),
        ((SMALL, SMALLER), SMALLER),
        ((SMALL, None), NOTHING_KNOWN),
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
    small = attrs.evolve(NOBODY_BY_DEFAULT, grants_up_to=Sizes(100))
    assert scope(small, **vouching) == unsettled


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


def test_what_is_firm_stays_where_another_may_vouch() -> None:
    """Of a scope that refuses in part by default, what is left; the address as before."""
    vouching = {"may_vouch_read": ["members"]}
    for apart in (False, True):
        firm_for_all = ReadScope(FIRM, BY_DEFAULT, tells_addresses_apart=apart)
        firm_for_others = ReadScope(BY_DEFAULT, FIRM, tells_addresses_apart=apart)
        assert scope(firm_for_all, **vouching) == ReadScope(FIRM, tells_addresses_apart=apart)
        assert scope(firm_for_others, **vouching) == ReadScope(
            None, FIRM, tells_addresses_apart=apart
        )


def test_a_reader_is_looked_at_and_what_he_is_told_is_kept() -> None:
    """The scopes of one reader are combined once; another's are others."""
    scopes = {(): SameForAllKinds(NOBODY_MAY), (ALICE,): SameForAllKinds(HINDERS_NOTHING)}

    class Looking:
        @hookimpl
        def on_read(self, event: Event) -> None:
            """Nothing to say."""

        @hookimpl
        def read_scopes(self, context: Context) -> Any:
            return scopes[context.authenticated]

    gate = Gate()
    gate.register(Looking())
    nobody, alice = gate.read_scopes(NOBODY), gate.read_scopes(by(ALICE))
    assert (nobody.others, alice.others) == (NOBODY_MAY, HINDERS_NOTHING)
    assert gate.read_scopes(NOBODY) is nobody
    assert gate.read_scopes(by(ALICE)) is alice


def test_each_kind_has_its_own_scope_and_is_combined_once() -> None:
    """By what each plugin says of that kind."""

    class Odd:
        others = HINDERS_NOTHING
        named = frozenset({1})

        def __init__(self) -> None:
            self.asked: list[int] = []

        def of_kind(self, kind: int) -> ReadScope:
            self.asked.append(kind)
            return NOBODY_MAY if kind % 2 else HINDERS_NOTHING

    odd = Odd()
    made = combined([odd], fallback_counts=True)
    assert [made.of_kind(kind) for kind in (1, 2, 1)] == [NOBODY_MAY, HINDERS_NOTHING, NOBODY_MAY]
    assert odd.asked == [1, 2]


def test_kinds_are_sorted_by_what_is_known_of_them() -> None:
    """Closed, for parties, or open."""

    class Sorted:
        others = HINDERS_NOTHING
        named = frozenset({1, 4, 7})

        def of_kind(self, kind: int) -> ReadScope:
            return {1: HINDERS_NOTHING, 4: PARTIES, 7: NOBODY_MAY}[kind]

    made = combined([Sorted()], fallback_counts=True)
    kinds = Kinds(frozenset({1}), frozenset({4}), frozenset({7}))
    assert made.named_kinds == kinds
    assert made.named_kinds is made.named_kinds


def test_no_more_scopes_are_kept_than_a_relay_has_room_for() -> None:
    """Also where a plugin makes a new object for each reader."""

    class Making:
        @hookimpl
        def on_read(self, event: Event) -> None:
            """Nothing to say."""

        @hookimpl
        def read_scopes(self, context: Context) -> Any:
            return SameForAllKinds(NOBODY_MAY)

    gate = Gate()
    gate.register(Making())
    kept = []
    for _ in range(600):
        assert gate.read_scopes(NOBODY).others == NOBODY_MAY
        kept.append(len(gate._scopes))
    assert max(kept) == 256
