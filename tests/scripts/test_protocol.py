"""The lines that go to a script and come back."""

import contextlib
import json
from typing import Any

import pytest
from examples import ALICE, BOB, CAROL, NOW, AnEvent
from hypothesis import given
from hypothesis import strategies as st
from strategies import json_values, many

from orly_policy_hookspecs import Origin
from orly_policy_plugin.decisions.replies import ACCEPTED, Action, Reply
from orly_policy_plugin.scripts.protocol import NotAnAnswer, logged_in, question, read_answer

EVENT_ID = "1d" * 32


def asked(event: AnEvent | None = None, access: Any = "write", **others: Any) -> dict[str, Any]:
    """The question's line, read back."""
    about = {"logged_in_pubkey": None, "ip": "", "received_at": NOW, **others}
    line = question(event or AnEvent(), access, **about)
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    read: dict[str, Any] = json.loads(line)
    return read


def answer(**fields: Any) -> bytes:
    return json.dumps({"id": EVENT_ID, **fields}).encode()


def test_a_script_for_orly_finds_what_it_reads() -> None:
    """The seven fields, who asks, from where, and for what; the id first."""
    event = AnEvent(tags=[["p", BOB], ["-"]], content='a "word"\nand ☺')
    line = asked(event, "read", logged_in_pubkey=CAROL, ip="192.0.2.1")
    fields = {
        "id": EVENT_ID,
        "pubkey": ALICE,
        "created_at": NOW,
        "kind": 1,
        "tags": [["p", BOB], ["-"]],
        "content": 'a "word"\nand ☺',
        "sig": "5a" * 64,
    }
    about = {"access_type": "read", "ip_address": "192.0.2.1", "logged_in_pubkey": CAROL}
    assert fields.items() <= line.items()
    assert about.items() <= line.items()
    assert next(iter(line)) == "id"


def test_no_separator_at_which_some_languages_cut_lines_is_in_a_question() -> None:
    event = AnEvent(content="a\u2028b\u2029c", tags=[["t", "\u2028"]])
    line = question(event, "write", logged_in_pubkey=None, ip="", received_at=NOW)
    assert not {"\u2028", "\u2029"} & set(line.decode())
    assert json.loads(line)["content"] == event.content
    assert json.loads(line)["tags"] == event.tags


def test_a_write_policy_for_strfry_finds_what_it_reads() -> None:
    """The event once more, and strfry's words for where it comes from."""
    line = asked(ip="2001:db8::1", logged_in_pubkey=ALICE)
    assert line["event"] == {name: line[name] for name in line["event"]}
    assert len(line["event"]) == 7
    names = ("type", "receivedAt", "sourceType", "sourceInfo", "authed")
    assert [line[name] for name in names] == ["new", NOW, "IP6", "2001:db8::1", ALICE]
    assert asked(ip="192.0.2.1")["sourceType"] == "IP4"
    assert asked(origin=Origin.IMPORT)["sourceType"] == "Import"
    assert asked(origin=Origin.SYNC)["sourceType"] == "Sync"


def test_where_nobody_authenticated_the_key_is_left_out() -> None:
    """Rather than null or empty."""
    assert {"logged_in_pubkey", "authed"}.isdisjoint(asked())


@pytest.mark.parametrize(
    ("authenticated", "expected"),
    [((), None), ((BOB,), BOB), ((BOB, ALICE), ALICE), ((BOB, CAROL), BOB)],
)
def test_who_is_asked_for(authenticated: tuple[str, ...], expected: str | None) -> None:
    """The author where the author authenticated, else the first that did."""
    assert logged_in(AnEvent(pubkey=ALICE), authenticated) == expected


@given(st.text(st.characters()), st.lists(st.lists(st.text(st.characters()))))
@many
def test_a_question_is_one_line_of_utf_8(content: str, tags: list[list[str]]) -> None:
    """Whatever an event holds; half a surrogate pair alone is replaced."""
    line = asked(AnEvent(content=content, tags=tags))
    assert line["content"] == content.encode("utf-8", "replace").decode()
    assert len(line["tags"]) == len(tags)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_sent_is_json(number: float) -> None:
    """A script that reads strictly would die of anything else."""
    assert asked(AnEvent(tags=[["x", number]]))["tags"] == [["x", None]]


@pytest.mark.parametrize(
    ("fields", "reply"),
    [
        ({"action": "accept"}, ACCEPTED),
        ({"action": "accept", "msg": "welcome"}, ACCEPTED),
        ({"action": "accept", "msg": None, "more": [1]}, ACCEPTED),
        ({"action": "reject"}, Reply(Action.REJECT)),
        ({"action": "reject", "msg": "no ☺"}, Reply(Action.REJECT, "no ☺")),
        ({"action": "reject", "msg": "half \ud83d"}, Reply(Action.REJECT, "half ?")),
        ({"action": "shadowReject", "msg": ""}, Reply(Action.SHADOW_REJECT)),
    ],
)
def test_an_answer(fields: dict[str, Any], reply: Reply) -> None:
    """The message, if any, is the client's where it rejects."""
    assert read_answer(answer(**fields)) == (EVENT_ID, reply)


@pytest.mark.parametrize("line", [b"  %s\r", b"\t%s  ", b"%s"])
def test_blanks_around_an_answer_do_not_matter(line: bytes) -> None:
    """Such as a Windows line end."""
    assert read_answer(line % answer(action="accept")) == (EVENT_ID, ACCEPTED)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"action": None},
        {"action": "allow"},
        {"action": "Accept"},
        {"action": ""},
        {"action": "failed"},
        {"action": ["accept"]},
        {"action": {"accept": True}},
        {"action": True},
        {"action": "accept", "msg": 5},
        {"action": "reject", "msg": ["no"]},
    ],
)
def test_an_answer_that_says_nothing_known_is_a_failure_of_that_event(
    fields: dict[str, Any],
) -> None:
    """It is known whose it is; it is not taken for an accept."""
    event_id, reply = read_answer(answer(**fields))
    assert (event_id, reply.action) == (EVENT_ID, Action.FAILED)
    assert reply.message


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"accept",
        b"{",
        b"[]",
        b"null",
        b'"' + EVENT_ID.encode() + b'"',
        b'{"action": "accept"}',
        b'{"id": null, "action": "accept"}',
        b'{"id": 5, "action": "accept"}',
        b'{"id": ["1d"], "action": "accept"}',
        b"\xff\xfe",
        b"\x00",
        b"[" * 100_000,
        b"9" * 10_000,
        answer(action="accept") + answer(action="accept"),
    ],
    ids=lambda line: repr(line[:12]),
)
def test_a_line_that_names_no_event(line: bytes) -> None:
    """The error shows what was printed, cut to a line that a log can bear."""
    with pytest.raises(NotAnAnswer, match="printed ") as caught:
        read_answer(line)
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


@given(json_values, json_values)
@many
def test_whatever_is_answered_is_understood_or_a_failure(action: Any, message: Any) -> None:
    """Never another exception, and never a long or broken message for the log."""
    event_id, reply = read_answer(answer(action=action, msg=message))
    assert event_id == EVENT_ID
    assert (reply.action is Action.ACCEPT) <= (action == "accept")
    reply.message.encode()
    assert reply.action is not Action.FAILED or len(reply.message) < 200


@given(st.binary())
@many
def test_no_bytes_make_it_raise_otherwise(line: bytes) -> None:
    """They are an answer or none."""
    with contextlib.suppress(NotAnAnswer):
        read_answer(line)


@pytest.mark.parametrize("name", ["action", "msg"])
def test_depth_is_no_trouble(name: str) -> None:
    """Just below, at and above the depth that can be read."""
    for depth in range(700, 1100):
        nested = b"[" * depth + b"]" * depth
        line = b'{"id": "x", "action": "reject", "%s": %s}' % (name.encode(), nested)
        try:
            _, reply = read_answer(line)
        except NotAnAnswer:
            continue
        assert reply.action is Action.FAILED
