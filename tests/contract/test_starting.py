"""What the gate says before the relay opens, and which settings it takes."""

import logging
from typing import Any

import pytest
from examples import Answering

from orly_policy_hookspecs import Gate, GateSettings, SettingsError


def test_no_plugin_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """A relay that enforces nothing says so in its log."""
    with caplog.at_level(logging.WARNING):
        Gate().check()
    assert "no policy is enforced" in caplog.text


def test_with_a_plugin_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """All is as it should be."""
    gate = Gate(GateSettings(may_vouch_read=frozenset({"members"})))
    gate.register(Answering(), "members")
    with caplog.at_level(logging.WARNING):
        gate.check()
    assert caplog.text == ""


@pytest.mark.parametrize("setting", ["may_vouch_write", "may_vouch_read"])
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("menbers", "'menbers', which is not registered; did you mean 'members'?"),
        ("friends", "'friends', which is not registered"),
    ],
)
def test_a_voucher_that_is_not_there_is_an_error(setting: str, name: str, says: str) -> None:
    """With the name that may have been meant."""
    gate = Gate(GateSettings(**{setting: frozenset({name})}))
    gate.register(Answering(), "members")
    with pytest.raises(SettingsError) as caught:
        gate.check()
    assert str(caught.value) == f"may_vouch names {says}"


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_budget_is_above_zero(seconds: float) -> None:
    """A budget that no plugin could keep is refused."""
    with pytest.raises(ValueError, match=r"budget_seconds"):
        GateSettings(budget_seconds=seconds)


@pytest.mark.parametrize("names", [["a", "b"], ("a", "b"), {"a", "b"}])
def test_names_come_in_any_collection(names: Any) -> None:
    """A settings file has lists."""
    assert GateSettings(may_vouch_read=names).may_vouch_read == {"a", "b"}
