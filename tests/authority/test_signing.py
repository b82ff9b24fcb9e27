"""Events that are made here are signed as NIP-01 says."""

from coincurve import PrivateKey
from examples import NOW, AnEvent

from orly_policy_plugin.authority import verify
from orly_policy_plugin.authority.signing import signed_event


def made(randomness: bytes) -> dict[str, object]:
    return signed_event(
        PrivateKey(b"\x03" * 32),
        kind=5,
        tags=[("e", "x"), ["k", "1"]],
        content="why",
        created_at=NOW,
        randomness=randomness,
    )


def test_an_event_is_signed() -> None:
    """It has the seven fields, as JSON has them, and verifies."""
    event = made(bytes(32))
    assert verify(AnEvent(**event))
    assert {name: event[name] for name in ("kind", "tags", "content", "created_at")} == {
        "kind": 5,
        "tags": [["e", "x"], ["k", "1"]],
        "content": "why",
        "created_at": NOW,
    }


def test_the_randomness_is_in_the_signature() -> None:
    """Of the same event it makes the same signature, other randomness makes another."""
    one, again, other = (made(byte * 32)["sig"] for byte in (b"\1", b"\1", b"\2"))
    assert one == again != other
