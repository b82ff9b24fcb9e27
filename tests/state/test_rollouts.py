"""What of a file that changes is an edit."""

import hashlib

from orly_policy_plugin.state.rollouts import Line, first_place, later_place


def line(*contents: bytes) -> Line:
    """A history, oldest first."""
    return [(n, hashlib.sha256(each).digest()) for n, each in enumerate(contents, 1)]


def test_a_new_content_is_an_edit() -> None:
    assert later_place(b"c", 1, line(b"a", b"b")) is None
    assert first_place(b"c", line(b"a", b"b")) is None


def test_what_came_after_the_file_is_none() -> None:
    assert later_place(b"b", 1, line(b"a", b"b", b"c")) == 2


def test_going_back_is_an_edit() -> None:
    assert later_place(b"a", 2, line(b"a", b"b")) is None


def test_what_another_has_gone_back_to_is_none() -> None:
    """The newest entry of a content counts."""
    assert later_place(b"a", 2, line(b"a", b"b", b"a")) == 3


def test_a_node_that_starts_late_is_given_all_that_came_since() -> None:
    """Its file is the oldest with that content, so that none of what follows brings it back."""
    history = line(b"a", b"b", b"a")
    assert first_place(b"a", history) == 1
    assert later_place(b"b", 1, history) == 2
    assert later_place(b"a", 2, history) == 3


def test_whatever_follows_what_the_store_never_had_is_known_or_an_edit() -> None:
    assert later_place(b"a", None, line(b"a")) == 1
    assert later_place(b"b", None, line(b"a")) is None
