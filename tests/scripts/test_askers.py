"""Who shares a turn."""

import pytest
from examples import ALICE, NOW, AnEvent

from orly_policy_hookspecs import Context
from orly_policy_plugin.addresses import address_group
from orly_policy_plugin.scripts.asked import Asked
from orly_policy_plugin.scripts.askers import asker
from orly_policy_plugin.scripts.killers import MOST, REMEMBERED_SECONDS, Killers


@pytest.mark.parametrize(
    ("ip", "shared"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("no:address", "no:address"),
    ],
)
def test_of_ipv6_the_first_64_bits_count(ip: str, shared: str) -> None:
    """The rest is the client's to choose; an IPv4 address is one address however it is written."""
    assert address_group(ip) == shared


def test_connections_are_told_apart_by_identity() -> None:
    """Equal ones, and such as cannot be hashed, too."""
    one, other = [NOW], [NOW]
    contexts = [Context(ip="192.0.2.1", connection=each) for each in (one, other, one)]
    first, second, third = (asker(context, ALICE) for context in contexts)
    assert first == third != second
    assert first[0] == second[0]


def asked(number: int, key: str | None = None, ip: str = "") -> Asked:
    event = AnEvent(id=f"{number:064x}")
    return Asked(event.id, "write", key, ip)


def test_what_has_ended_a_script_is_known_for_a_while() -> None:
    """Or until the script is another. Only the same question is known, whoever asks it: a script
    may trip over who is logged in, or from where.
    """
    killers = Killers()
    killers.add(asked(1, ALICE), 10.0)
    assert killers.has(asked(1, ALICE), 10.0 + REMEMBERED_SECONDS)
    for other in asked(1), asked(1, "b" * 64), asked(1, ALICE, "192.0.2.7"), asked(2, ALICE):
        assert not killers.has(other, 10.0)
    assert not killers.has(asked(1, ALICE), 10.1 + REMEMBERED_SECONDS)
    killers.forget()
    assert not killers.has(asked(1, ALICE), 10.0)


def test_no_more_is_remembered_than_there_is_room_for() -> None:
    """The oldest is forgotten."""
    killers = Killers()
    for number in range(MOST + 1):
        killers.add(asked(number), 0.0)
    assert not killers.has(asked(0), 0.0)
    assert all(killers.has(asked(number), 0.0) for number in (1, MOST))
