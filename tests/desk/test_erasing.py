"""What is left out of an entry."""

from typing import Any

import pytest

from orly_policy_plugin.desk.erasing import erase, read_pointer
from orly_policy_plugin.errors import PolicyError

ENTRY: dict[str, Any] = {"input": {"event": {"content": "x", "tags": [["p", "q"]]}, "a/b~c": 1}}


@pytest.mark.parametrize(
    ("pointer", "left"),
    [
        ("/input/event/content", {"event": {"tags": [["p", "q"]]}, "a/b~c": 1}),
        ("/input/event/tags/0/1", {"event": {"content": "x", "tags": [["p"]]}, "a/b~c": 1}),
        ("/input/event", {"a/b~c": 1}),
        ("/input/a~1b~0c", {"event": ENTRY["input"]["event"]}),
    ],
)
def test_what_a_pointer_names_is_gone(pointer: str, left: object) -> None:
    """And the entry says so; the one that was given stays as it is."""
    before = repr(ENTRY)
    assert erase(ENTRY, [pointer]) == {"input": left, "erased": [pointer]}
    assert repr(ENTRY) == before


@pytest.mark.parametrize("pointer", ["/nothing", "/input/event/tags/5", "/input/event/content/x"])
def test_what_is_not_there_is_not_erased(pointer: str) -> None:
    """Nor listed."""
    assert erase(ENTRY, [pointer]) == ENTRY


@pytest.mark.parametrize("text", ["", "/", "input/event", "$.input"])
def test_what_is_no_pointer_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(PolicyError, match="such as /input/event/content"):
        read_pointer(text)
