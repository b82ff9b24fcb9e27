"""What the files of named lists say: section 14 of the spec."""

import json
from typing import Any

import pytest
from examples import ALICE, BOB
from hypothesis import given
from hypothesis import strategies as st
from strategies import many

from orly_policy_plugin.lists import members
from orly_policy_plugin.lists.content import keys_in
from orly_policy_plugin.lists.members import read_lines
from orly_policy_plugin.policy import InvalidPolicy, ListSource, parse_pubkey

LINES = ListSource(file="lists/members.txt")
NIP_05 = ListSource(nostr_json="nostr.json")
NPUB = "npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6"
NSEC = "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5"
FIATJAF = "3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d"


def problems(source: ListSource, content: bytes) -> list[str]:
    with pytest.raises(InvalidPolicy) as caught:
        keys_in(source, content)
    return [str(problem) for problem in caught.value.problems]


def test_one_key_a_line() -> None:
    content = f"# ours\r\n{ALICE.upper()}\r\n\n  {NPUB} # fiatjaf\n{ALICE}".encode()
    assert keys_in(LINES, b"\xef\xbb\xbf" + content) == {ALICE, FIATJAF}


def test_a_comment_alone_is_a_list_of_nobody() -> None:
    assert keys_in(LINES, b"# nobody\n") == frozenset()
    assert keys_in(NIP_05, b'{"names": {}}') == frozenset()


def test_a_comment_need_not_be_unicode() -> None:
    assert keys_in(LINES, f"{ALICE} # ".encode() + b"\xff\n") == {ALICE}


def test_each_wrong_line_is_told_with_its_place() -> None:
    """The first few of them."""
    told = problems(LINES, f"{ALICE}\nxyz\n{ALICE} {BOB}\n{ALICE[1:]}\n".encode())
    assert [each.partition(" ")[0] for each in told] == [
        "lists/members.txt:2:",
        "lists/members.txt:3:",
        "lists/members.txt:4:",
    ]
    assert told[0].endswith("'xyz' is not a public key: 64 hex characters or npub1…")
    assert told[2].endswith("(it has 63)")
    assert len(problems(LINES, b"xyz\n" * 100)) == members.MOST_PROBLEMS


def test_a_secret_key_is_not_repeated() -> None:
    [told] = problems(LINES, f"{NSEC}\n".encode())
    assert "secret key" in told
    assert NSEC not in told


@pytest.mark.parametrize("source", [LINES, NIP_05])
@pytest.mark.parametrize("content", [b"", b" \n\t\n"])
def test_an_empty_file_is_told_how_to_say_nobody(source: ListSource, content: bytes) -> None:
    [told] = problems(source, content)
    written = told.partition("for nobody write '")[2].removesuffix("'")
    assert keys_in(source, written.encode()) == frozenset()


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([], "nostr.json: expected an object in braces, found a list"),
        ({}, "nostr.json: has no 'names', an object of name to key"),
        ({"names": [ALICE]}, "nostr.json: names: expected an object in braces, found a list"),
        (
            {"names": {"bob": 5}},
            "nostr.json: names.bob: the number 5 is not a public key: 64 hex characters or npub1…",
        ),
    ],
)
def test_a_wrong_nostr_json(value: Any, told: str) -> None:
    assert problems(NIP_05, json.dumps(value).encode()) == [told]


def test_a_nostr_json_that_is_no_json() -> None:
    [told] = problems(NIP_05, b'{"names": {')
    assert told.startswith("nostr.json: this is not JSON:")
    [twice] = problems(NIP_05, f'{{"names": {{"a": "{ALICE}", "a": "{BOB}"}}}}'.encode())
    assert twice == "nostr.json: names: the key 'a' occurs more than once; keep one"


LINE = st.sampled_from(
    [
        ALICE,
        BOB,
        NPUB,
        ALICE.upper(),
        "",
        "#",
        " ",
        f"{BOB} # b",
        f"{ALICE}\r",
        "x",
        f"{ALICE}{BOB}",
    ]
)


@given(st.lists(LINE), st.sampled_from([1, 100, 1000]))
@many
def test_the_size_of_blocks_does_not_matter(lines: list[str], size: int) -> None:
    """Nor does it where a block ends: keys and places are those of the lines, one by one."""
    expected, wrong = set(), []
    for number, line in enumerate(lines, 1):
        if text := line.partition("#")[0].strip():
            try:
                expected.add(parse_pubkey(text))
            except ValueError:
                wrong.append(str(number))
    content = "\n".join(lines).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(members, "_BLOCK_BYTES", size)
        if not wrong:
            assert read_lines(content) == expected
            return
        with pytest.raises(InvalidPolicy) as caught:
            read_lines(content)
    assert [each.place for each in caught.value.problems] == wrong[: members.MOST_PROBLEMS]
