"""An event's id is the hash of its canonical form, in every form that is in use."""

import hashlib
import json
from typing import Any

import attrs
import pytest
from examples import AnEvent
from hypothesis import given
from hypothesis import strategies as st

from orly_policy_hookspecs.nip01 import canonical, event_id, has_right_id

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def test_the_canonical_form_is_to_the_letter() -> None:
    """Seven characters are escaped, all others stand as they are."""
    event = AnEvent(content='\n"\\\r\t\b\f \x00\x1f\x7f é 🎉 \u2028 \\u0001')
    assert (
        canonical(event)
        == (
            f'[0,"{event.pubkey}",{event.created_at},1,[],'
            '"\\n\\"\\\\\\r\\t\\b\\f \x00\x1f\x7f é 🎉 \u2028 \\\\u0001"]'
        ).encode()
    )


@given(TEXTS, st.lists(st.lists(TEXTS, min_size=1, max_size=3), max_size=3))
def test_each_form_of_an_id_is_right(content: str, tags: list[list[str]]) -> None:
    """As NIP-01 has it, and as JSON libraries write control characters."""
    event = AnEvent(content=content, tags=tags)
    fields = [0, event.pubkey, event.created_at, event.kind, tags, content]
    written = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    for right in (event_id(event), hashlib.sha256(written).hexdigest()):
        assert has_right_id(AnEvent(id=right, content=content, tags=tags))
        assert not has_right_id(AnEvent(id=right, content=content + "!", tags=tags))


@pytest.mark.parametrize("wrong", [{"content": 5}, {"tags": {1}}, {"content": "\ud800"}])
def test_what_is_no_event_has_no_right_id(wrong: dict[str, Any]) -> None:
    """And nothing is raised."""
    assert not has_right_id(AnEvent(**{"content": "", **wrong}, kind=object()))
    assert not has_right_id(AnEvent(**wrong))


def test_the_form_of_libraries_that_write_capitals_is_right() -> None:
    """All control characters with capitals, or none."""
    event = AnEvent(content="\x1f\x0e\\u001f", tags=[])
    fields = [0, event.pubkey, event.created_at, event.kind, [], event.content]
    written = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    for controls, is_right in ((r"\u001F\u000E", True), (r"\u001F\u000e", False)):
        form = written.replace(r"\u001f\u000e", controls)
        assert form != written
        right = hashlib.sha256(form.encode()).hexdigest()
        assert has_right_id(attrs.evolve(event, id=right)) is is_right


def test_half_a_surrogate_pair_has_no_canonical_form() -> None:
    """And that is said."""
    with pytest.raises(ValueError, match=r"^half a surrogate pair is no text$"):
        canonical(AnEvent(content="\ud800"))
