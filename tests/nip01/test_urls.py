"""A relay's URL, in the one form by which relays are told apart."""

import pytest

from orly_policy_hookspecs.nip01 import name_one_relay, normal_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("wss://relay.example", "wss://relay.example"),
        (" WSS://Relay.Example:443/ ", "wss://relay.example"),
        ("ws://relay.example:80//", "ws://relay.example"),
        ("wss://relay.example:80", "wss://relay.example:80"),
        ("ws://relay.example:443/a/b/", "ws://relay.example:443/a/b"),
        ("wss://relay.example/Path?a=B", "wss://relay.example/Path?a=B"),
        ("wss://relay.example/X/", "wss://relay.example/X"),
        ("wss://relay.example:0/", "wss://relay.example:0"),
        ("https://relay.example", None),
        ("relay.example", None),
        ("wss://", None),
        ("wss://user@relay.example", None),
        ("wss://relay.example/a b", None),
        ("wss://relay.example:x", None),
        ("wss://[::1", None),
        ("", None),
        ("wss://relay.example/" + "x" * 2_028, "wss://relay.example/" + "x" * 2_028),
        ("wss://relay.example/" + "x" * 2_029, None),
    ],
)
def test_the_normal_form(url: str, expected: str | None) -> None:
    """And ``None`` for what is no relay's."""
    assert normal_url(url) == expected


def test_urls_of_one_relay() -> None:
    """What is no URL names none, not even itself."""
    ours = ["wss://relay.example/", "nonsense"]
    assert name_one_relay(["wss://other.example", "WSS://relay.example:443"], ours)
    assert not name_one_relay(["wss://other.example", "nonsense", ""], ours)
    assert not name_one_relay([], ours)
