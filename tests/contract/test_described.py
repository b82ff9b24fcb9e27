"""Plugins as operators see them."""

import logging

import pytest

from orly_policy_hookspecs import Criterion, Gate, GateSettings, hookimpl
from orly_policy_hookspecs.described import Described


class Plugin:
    @hookimpl
    def on_write(self) -> None:
        """Nothing to say."""

    @hookimpl
    def on_read(self) -> None:
        """Nothing to say."""

    @hookimpl
    def criteria(self) -> list[Criterion]:
        names = ("x_a", "x_b")
        return [Criterion(name=name, unit="", read=str, refuses=_nothing) for name in names]


class Writes:
    @hookimpl
    def on_write(self) -> None:
        """Nothing to say."""


def _nothing(*_: object) -> None:
    return None


def test_a_plugin_is_described() -> None:
    """By what it has, and what it may do."""
    settings = GateSettings(may_vouch_write=["all"], may_vouch_read=["all"])
    gate = Gate(settings)
    gate.register(Writes(), "some")
    gate.register(Plugin(), "all")
    gate.switch_off(["some"])
    assert gate.described() == [
        Described(
            name="all",
            hooks=("on_write", "on_read", "criteria"),
            criteria=("x_a", "x_b"),
            may_vouch=("write", "read"),
        ),
        Described(name="some", hooks=("on_write",), is_on=False),
    ]


@pytest.mark.parametrize(
    ("described", "line"),
    [
        (Described(name="it", hooks=("on_write",)), "plugin it has on_write"),
        (
            Described(name="it", distribution="members 1.2", hooks=("on_write", "on_read")),
            "plugin it (members 1.2) has on_write, on_read",
        ),
        (
            Described(name="it", hooks=("on_write",), is_on=False),
            "plugin it is switched off; has on_write",
        ),
        (
            Described(name="it", hooks=("criteria",), criteria=("x_a", "x_b")),
            "plugin it has criteria with the criteria x_a, x_b",
        ),
        (
            Described(name="it", hooks=("on_write",), may_vouch=("write", "read")),
            "plugin it has on_write and may vouch for a write and a read",
        ),
    ],
)
def test_it_is_a_line(described: Described, line: str) -> None:
    assert str(described) == line


def test_a_start_has_a_line_for_each(caplog: pytest.LogCaptureFixture) -> None:
    """In the log."""
    caplog.set_level(logging.INFO)
    gate = Gate()
    gate.register(Writes(), "some")
    gate.check()
    assert "plugin some has on_write" in caplog.messages
