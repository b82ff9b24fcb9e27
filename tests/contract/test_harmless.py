"""Texts and logs that a stranger cannot forge. How the commands use it: tests/test_printing.py."""

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hostile import FORGED, HOSTILE, assert_harmless

from orly_policy_hookspecs import Decision
from orly_policy_hookspecs.logs import Harmless, get_log
from orly_policy_hookspecs.printing import in_a_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("é 🎉 \\n", "é 🎉 \\n"),
        ("a\nb\x1b[2J", r"a\nb\x1b[2J"),
        ("\x85\u2028\u202e\U000e0001", r"\x85\u2028\u202e\U000e0001"),
        ("half \ud800", r"half \ud800"),
        ("\u200d\u3000", "\u200d\u3000"),
    ],
)
def test_what_misleads_is_escaped(text: str, shown: str) -> None:
    """As Python writes it; joiners and spaces stay, and so does what is escaped already."""
    assert printable(text) == shown
    assert printable(shown) == shown


def test_a_text_of_a_plugins_own_class_is_made_harmless_as_any() -> None:
    """Whatever its methods say of it."""

    class Lying(str):
        __slots__ = ()

        def isprintable(self) -> bool:
            return True

        def startswith(self, *_: Any) -> bool:
            return True

        def __iter__(self) -> Iterator[str]:
            return iter("harmless")

    for text in (HOSTILE, FORGED, ""):
        assert type(printable(Lying(text))) is str
        assert printable(Lying(text)) == printable(text)
    assert Decision.reject(Lying("evil\nforged")).message == r"blocked: evil\nforged"


def test_a_bounded_line_stays_as_it_is() -> None:
    """It says how much is missing, and to bound it again changes nothing."""
    for length in (0, 1999, 2000):
        assert in_a_line("x" * length) == "x" * length
    cut = in_a_line("x" * 10_000)
    assert re.fullmatch(r"x{1960}… \(8040 more characters\)", cut)
    assert in_a_line(cut) == cut
    assert len(in_a_line("x" * 2001)) < 2000
    assert in_a_line("\n") == r"\n"


class Unshowable(Exception):
    """It has no text, and a traceback of it cannot be made."""

    def __str__(self) -> str:
        raise KeyError(HOSTILE)

    @property
    def __notes__(self) -> list[str]:
        raise OSError(HOSTILE)


def test_a_logger_is_harmless_from_the_first(caplog: pytest.LogCaptureFixture) -> None:
    """However often it was got; it has the name that it was asked for."""
    name = "orly_policy_plugin.a_logger_of_a_test"
    for _ in range(2):
        log = get_log(name)
    assert log is logging.getLogger(name)
    assert [type(each) for each in log.filters] == [Harmless]
    log.error("said %s", HOSTILE)
    assert_harmless(caplog.records[0].getMessage())


@pytest.mark.parametrize(
    ("message", "arguments", "shown"),
    [
        ("said %s", ("x\n",), r"said x\n"),
        ("said %s", (Unshowable(),), "said %s (and what belongs here cannot be shown: KeyError)"),
        ("%d\n", ("x",), r"%d\n (and what belongs here cannot be shown: TypeError)"),
        ("x" * 2000, (), "x" * 2000),
        ("a" + "x" * 1999 + "b", (), f"a{'x' * 999}… (1 more) …{'x' * 999}b"),
    ],
)
def test_a_record_is_a_line(message: str, arguments: Any, shown: str) -> None:
    """What cannot be shown is named, and what is long is cut in its middle, once."""
    record = logging.LogRecord("a_log", logging.INFO, "", 1, message, arguments, None)
    for _ in range(2):
        assert Harmless().filter(record)
        assert record.getMessage() == shown


def test_a_traceback_is_indented(caplog: pytest.LogCaptureFixture) -> None:
    """One that cannot be made says so."""
    log = get_log("orly_policy_plugin.test")
    log.error("failed", exc_info=ValueError("x\ny"))
    log.error("failed", exc_info=Unshowable())
    log.error("failed", exc_info=True)  # noqa: LOG014 -- as others may, where nothing is raised
    texts = [record.exc_text for record in caplog.records]
    assert texts == [
        "  | ValueError: x\n  | y",
        "  | Unshowable, whose text cannot be shown: OSError",
        "NoneType: None",
    ]


@pytest.mark.parametrize(
    ("name", "arguments", "kept"),
    [
        ("uvicorn.access", ("GET", "/\n", 200), ("GET", r"/\n", 200)),
        ("uvicorn.error", ("GET", "/\n", 200), ()),
    ],
)
def test_arguments_that_a_formatter_reads_are_kept(name: str, arguments: Any, kept: Any) -> None:
    """They are uvicorn's log of requests' alone, and made harmless one by one."""
    record = logging.LogRecord(name, logging.INFO, "", 1, "%s %s %d", arguments, None)
    for _ in range(2):
        assert Harmless().filter(record)
    assert record.args == kept
    assert record.getMessage() == r"GET /\n 200"


def test_an_interrupt_is_no_text_that_cannot_be_shown() -> None:
    """Ctrl-C ends the program, also while something is logged."""

    class Interrupting(Exception):
        @property
        def __notes__(self) -> list[str]:
            raise KeyboardInterrupt

        def __str__(self) -> str:
            raise KeyboardInterrupt

    log = get_log("orly_policy_plugin.test")
    with pytest.raises(KeyboardInterrupt):
        log.error("said %s", Interrupting())
    with pytest.raises(KeyboardInterrupt):
        log.error("failed", exc_info=Interrupting())
