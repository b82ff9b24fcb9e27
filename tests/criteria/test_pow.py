"""``x_pow``: proof of work (NIP-13)."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from orly_policy_criteria import proof_of_work
from orly_policy_criteria.proof_of_work import committed_bits, leading_zero_bits
from orly_policy_hookspecs import FrozenEvent
from orly_policy_hookspecs.nip01 import has_right_id

from .asking import ALICE, problem, said

EXAMPLE = FrozenEvent(  # of NIP-13
    id="000006d8c378af1779d2feebc7603a125d99eca0ccf1085959b307f64e5dd358",
    pubkey="a48380f4cfcc1ad5378294fcac36439770f9c878dd880ffa94bb74ea54a6f243",
    created_at=1651794653,
    kind=1,
    tags=[["nonce", "776797", "20"]],
    content="It's just me mining my own business",
    sig="284622fc0a3f4f1303455d5175f7ba962a3300d136085b9566801bc2e0699de0"
    "c7e31e44c81fb40ad9049173742e904713c3594a1da0fc5d2382a25c11aba977",
)


def mined(bits: int, *target: str) -> FrozenEvent:
    """An event of exactly so many bits.

    :param target: what follows in the nonce tag.
    """
    for nonce in count():
        event = ALICE.event(1, "hello", [["nonce", str(nonce), *target]], created_at=1_700_000_000)
        if leading_zero_bits(event.id) == bits:
            return event
    raise AssertionError


def test_the_example_of_the_nip() -> None:
    """It is a real event, and has 21 bits though it aimed at 20."""
    assert has_right_id(EXAMPLE)
    assert (leading_zero_bits(EXAMPLE.id), committed_bits(EXAMPLE)) == (21, 20)


@pytest.mark.parametrize(
    ("bits", "told"),
    [
        (20, "OK"),
        (21, "pow: the nonce tag aims at 20 bits, 21 are needed"),
        (22, "pow: 21 bits of work, 22 are needed"),
    ],
)
def test_the_work_and_the_target_count(tmp_path: Path, bits: int, told: str) -> None:
    """Luck is no work."""
    assert said(tmp_path, proof_of_work, {"x_pow": bits}, EXAMPLE) == told


@pytest.mark.parametrize("target", [(), ("",), ("six",), ("-6",), ("٦",), ("6 ",), ("6000",)])
def test_a_target_that_is_not_said(tmp_path: Path, target: tuple[str, ...]) -> None:
    """Only digits say one."""
    told = said(tmp_path, proof_of_work, {"x_pow": 6}, mined(6, *target))
    assert told == "pow: the nonce tag does not say its target, 6 bits are needed"


def test_no_nonce_tag(tmp_path: Path) -> None:
    for text in count():
        event = ALICE.event(1, str(text), created_at=1_700_000_000)
        if leading_zero_bits(event.id) >= 3:
            break
    assert said(tmp_path, proof_of_work, {"x_pow": 3}, event).startswith("pow: the nonce tag does")


def test_the_first_nonce_tag_counts(tmp_path: Path) -> None:
    """A second one does not make up for what it lacks."""
    event = EXAMPLE._replace(tags=[["nonce", "1", "3"], *EXAMPLE.tags])
    assert said(tmp_path, proof_of_work, {"x_pow": 20}, event).startswith("pow: the nonce tag aim")


@pytest.mark.parametrize(
    ("hex_id", "bits"),
    [("f" * 64, 0), ("7" + "f" * 63, 1), ("00" * 31 + "01", 255), ("0" * 64, 256)],
)
def test_leading_zero_bits(hex_id: str, bits: int) -> None:
    assert leading_zero_bits(hex_id) == bits


@pytest.mark.parametrize("value", [0, 257, -1, "20", 20.0, True, [], {}])
def test_a_value_that_is_none(tmp_path: Path, value: Any) -> None:
    """It is told what would be one."""
    why = problem(tmp_path, proof_of_work, {"x_pow": value})
    assert why == f"expected a number of bits, 1 to 256, found {value!r}"
