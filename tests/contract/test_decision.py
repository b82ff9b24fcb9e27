"""A decision: its prefix, its attributes, and what it refuses to be."""

import attrs
import pytest
from examples import NO
from hypothesis import given
from hypothesis import strategies as st

from orly_policy_hookspecs import PREFIXES, Decision, Verdict


@given(st.text())
def test_every_rejection_starts_with_a_known_prefix(message: str) -> None:
    """Whatever a plugin writes, the client can tell what kind of rejection it is."""
    assert Decision.reject(message).message.startswith(PREFIXES)
    assert Decision.fallback(message).message.startswith(PREFIXES)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_known_prefix_stays(prefix: str) -> None:
    """A message that has a prefix is left as it is."""
    assert Decision.reject(f"{prefix} because").message == f"{prefix} because"


def test_a_message_without_prefix_gets_blocked() -> None:
    """`not today` becomes `blocked: not today`, and nothing becomes a sentence."""
    assert Decision.reject("not today").message == "blocked: not today"
    assert Decision.reject("").message == "blocked: not accepted"
    assert Decision.fallback("closed").message == "blocked: closed"


def test_what_is_no_rejection_needs_no_prefix() -> None:
    """An accept's message goes to the client as it is; the others have none."""
    assert Decision.accept("policy updated").message == "policy updated"
    assert Decision.accept().message == ""
    assert Decision.vouch().message == ""
    assert Decision.shadow_reject().message == ""


def test_only_accept_and_vouch_are_accepted() -> None:
    """Each of the five verdicts says whether an event may pass."""
    accepted = {verdict for verdict in Verdict if Decision(verdict, "x").accepted}
    shadowed = {verdict for verdict in Verdict if Decision(verdict, "x").shadowed}
    assert accepted == {Verdict.ACCEPT, Verdict.VOUCH}
    assert shadowed == {Verdict.SHADOW_REJECT}


def test_it_cannot_be_changed() -> None:
    """A decision that is a constant stays what it is."""
    decision = Decision.reject("no")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        decision.verdict = Verdict.ACCEPT  # type: ignore[misc]


def test_attributing_changes_only_the_source() -> None:
    """The plugin's name comes to the answer, the answer itself stays."""
    decision = Decision.reject("invalid: no")
    named = decision.attributed("members")
    assert named == Decision(Verdict.REJECT, "invalid: no", "members")
    assert decision.source == ""
    assert decision.attributed("spam") == Decision(Verdict.REJECT, "invalid: no", "spam")


def test_a_constant_is_copied_once() -> None:
    """For the plugin that gives it each time; with its own name it is that itself."""
    name = "members"
    named = NO.attributed(name)
    assert NO.attributed(name) is named
    assert named.attributed("".join(name)) is named


@pytest.mark.parametrize("verdict", ["accept", True, None, 1, Verdict])
def test_a_verdict_is_one_of_the_five(verdict: object) -> None:
    """What is no verdict raises in the plugin that made it, not in whoever combines."""
    with pytest.raises(TypeError, match="Verdict"):
        Decision(verdict)  # type: ignore[arg-type]


@pytest.mark.parametrize("message", [None, 5, b"no"])
def test_a_message_is_a_text(message: object) -> None:
    """The same for a message of another type."""
    for verdict in Verdict:
        with pytest.raises(TypeError, match="text"):
            Decision(verdict, message)  # type: ignore[arg-type]


def test_a_source_is_a_plain_text() -> None:
    """Whatever a class of a plugin's own says of itself."""

    class Named(str):
        __slots__ = ()

    assert type(Decision(Verdict.VOUCH, "", Named("members")).source) is str
    with pytest.raises(TypeError):
        Decision(Verdict.VOUCH, "", 5)  # type: ignore[arg-type]
