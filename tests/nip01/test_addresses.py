"""Versions of an event: their address, and which is kept."""

import pytest
from examples import ALICE, AnEvent

from orly_policy_hookspecs.nip01 import (
    Address,
    KindClass,
    Position,
    address_of,
    class_of,
    replaces,
)

CLASSES = [
    (0, KindClass.REPLACEABLE),
    (1, KindClass.REGULAR),
    (3, KindClass.REPLACEABLE),
    (4, KindClass.REGULAR),
    (9_999, KindClass.REGULAR),
    (10_000, KindClass.REPLACEABLE),
    (19_999, KindClass.REPLACEABLE),
    (20_000, KindClass.EPHEMERAL),
    (29_999, KindClass.EPHEMERAL),
    (30_000, KindClass.ADDRESSABLE),
    (39_999, KindClass.ADDRESSABLE),
    (40_000, KindClass.REGULAR),
    (65_535, KindClass.REGULAR),
]


@pytest.mark.parametrize(("kind", "expected"), CLASSES)
def test_the_class_of_a_kind(kind: int, expected: KindClass) -> None:
    """Both ends of each of the ranges of NIP-01."""
    assert class_of(kind) is expected


@pytest.mark.parametrize("tags", [[], [["d"]], [["d", ""]], [["t", "x"]], [["d", ""], ["d", "x"]]])
def test_a_missing_identifier_is_the_empty_one(tags: list[list[str]]) -> None:
    """Of several the first counts."""
    assert address_of(AnEvent(kind=30_023, tags=tags)) == Address(30_023, ALICE, "")


def test_only_what_is_replaced_has_an_address() -> None:
    """An identifier counts for addressable kinds alone."""
    tags = [["d", "x"]]
    assert address_of(AnEvent(kind=1, tags=tags)) is None
    assert address_of(AnEvent(kind=20_001, tags=tags)) is None
    assert address_of(AnEvent(kind=0, tags=tags)) == Address(0, ALICE, "")
    assert address_of(AnEvent(kind=30_023, tags=tags)) == Address(30_023, ALICE, "x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"30023:{ALICE}:a:b", Address(30_023, ALICE, "a:b")),
        (f"30023:{ALICE}:", Address(30_023, ALICE, "")),
        (f"0:{ALICE}:", Address(0, ALICE, "")),
        (f"0:{ALICE}", Address(0, ALICE, "")),
        (f"10002:{ALICE}:whatever", Address(10_002, ALICE, "")),
    ],
)
def test_an_address_is_read_as_an_a_tag_has_it(text: str, expected: Address) -> None:
    """The identifier may have colons, and says nothing for replaceable kinds."""
    assert Address.parse(text) == expected
    assert Address.parse(str(expected)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "x", f"1:{ALICE}:", f"20001:{ALICE}:", f"70000:{ALICE}:", f"-1:{ALICE}:",
     f"٣:{ALICE}:", f"030023:{ALICE}:x", f"30023:{ALICE[:-1]}:x",
     f"30023:{ALICE.upper()}:x", "30023"],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    """Kinds that have none, and keys that are none."""
    assert Address.parse(text) is None


def test_the_later_version_is_kept_and_of_the_same_second_the_lower_id() -> None:
    """And what is handed out stands in that order."""
    old, low, high = (
        AnEvent(created_at=1, id="00" * 32),
        AnEvent(created_at=2, id="0a" * 32),
        AnEvent(created_at=2, id="0b" * 32),
    )
    assert replaces(low, high)
    assert replaces(high, old)
    assert replaces(low, old)
    assert not replaces(low, low)
    assert sorted([old, high, low], key=Position.of) == [low, high, old]
    assert Position.of(old).created_at == 1
