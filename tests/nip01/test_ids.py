"""An event's id is the hash of its canonical form, in every form that is in use."""

import hashlib
import json
from typing import Any

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
