"""What comes of a script in pieces is cut into lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orly_policy_plugin.scripts import lines as module
from orly_policy_plugin.scripts.lines import Lines

MOST = 5


@pytest.fixture(autouse=True, scope="module")
def _short_lines() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LONGEST_LINE_BYTES", MOST)
        yield


@given(st.lists(st.text("ab\n", max_size=8).map(str.encode)))
def test_the_pieces_make_no_difference(pieces: list[bytes]) -> None:
    """The lines are those of the whole, each that is too long is told once, and the rest is kept
    unless it is too long.
    """
    lines = Lines()
    told = [line for piece in pieces for line in lines.cut(piece)]
    *complete, rest = b"".join(pieces).split(b"\n")
    wanted = [line if len(line) <= MOST else None for line in complete]
    assert told == wanted + [None] * (len(rest) > MOST)
    assert lines.begun == (rest if len(rest) <= MOST else b"")


def test_a_line_that_is_too_long_is_told_before_its_end() -> None:
    """Nobody waits for an end that may never come, and nothing of it is kept."""
    lines = Lines()
    assert lines.cut(b"123") == []
    assert lines.cut(b"456") == [None]
    assert lines.begun == b""
    assert lines.cut(b"789") == []
    assert lines.cut(b"0\nab\nc") == [b"ab"]
    assert lines.begun == b"c"
