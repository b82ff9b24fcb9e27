"""What strangers write may be megabytes: neither a log nor an answer repeats it all."""

import logging

import pytest
from examples import NOBODY, AnEvent

from orly_policy_hookspecs import Decision, Event, Gate, hookimpl
from orly_policy_hookspecs.logs import Harmless, get_log, make_handlers_harmless

MEGABYTE = "x" * 2**20


class Repeating:
    """A plugin that says, answers and raises what an event says."""

    @hookimpl
    def on_write(self, event: Event) -> Decision:
        return Decision.reject(event.content)

    @hookimpl
    def on_read(self, event: Event) -> Decision:
        raise ValueError(event.content)

    @hookimpl
    def on_policy_event(self, event: Event) -> Decision:
        return event.content  # type: ignore[return-value]


def test_an_answer_is_bounded() -> None:
    """Whoever wrote it."""
    gate = Gate()
    gate.register(Repeating())
    message = gate.blocking.write(AnEvent(content=MEGABYTE), NOBODY).message
    assert message == f"blocked: {'x' * 31_990}…"


@pytest.mark.parametrize("length", [31_999, 32_000])
def test_an_answer_of_the_largest_length_stays_as_it_is(length: int) -> None:
    """One more is cut."""
    assert Decision.accept("x" * length).message == "x" * length
    assert Decision.accept("x" * 32_001).message == f"{'x' * 31_999}…"


def test_a_log_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Its lines, and those of a traceback."""
    gate = Gate()
    gate.register(Repeating())
    assert not gate.blocking.read(AnEvent(content=MEGABYTE), NOBODY).accepted
    gate.blocking.policy_event(AnEvent(content=MEGABYTE), NOBODY)
    get_log("orly_policy_plugin.test").warning("%s", MEGABYTE)
    assert len(caplog.text) < 20_000
    assert "more) …" in caplog.text


def test_a_traceback_that_another_logs_keeps_its_lines(caplog: pytest.LogCaptureFixture) -> None:
    """A server says so why it does not start; none of its lines looks like a record."""
    log = get_log("orly_policy_plugin.test")
    log.addFilter(Harmless())
    log.error("Traceback (most recent call last):\n  File x\nERROR \x1b forged: the reason")
    assert caplog.text.endswith(
        "Traceback (most recent call last):\n  |   File x\n  | ERROR \\x1b forged: the reason\n"
    )


def test_handlers_of_others_are_made_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    """nostr-relay, and servers, log what clients send."""
    theirs = logging.getLogger("a_servers_log")
    handler = logging.StreamHandler()
    theirs.addHandler(handler)
    theirs.propagate = False
    try:
        for _ in range(2):
            make_handlers_harmless()
        theirs.warning("origin: \x1b[2J\nERROR forged%s", MEGABYTE)
    finally:
        theirs.removeHandler(handler)
    said = capsys.readouterr().err
    assert said.startswith("origin: \\x1b[2J\\nERROR forged")
    assert len(said) < 3_000
