"""``x_networks`` and ``x_read_networks``: whence clients may write and read."""

from pathlib import Path
from typing import Any

import pytest

from orly_policy_criteria import networks
from orly_policy_hookspecs import Origin
from orly_policy_hookspecs.testing import by

from .asking import ALICE, in_force, problem, said

NOTE = ALICE.event(1, "hello")
REFUSED = "blocked: not from your address"
DENY = {"deny": ["192.0.2.0/24", "198.51.100.7", "2001:db8:0:1::5", "2001:db8:ff00::/40"]}


def told(folder: Path, value: Any, ip: str, **more: Any) -> str:
    answer: str = said(folder, networks, {"x_networks": value}, NOTE, context=by(ip=ip, **more))
    return answer


@pytest.mark.parametrize(
    "ip",
    [
        "192.0.2.1",
        "192.0.2.1:4848",
        "::ffff:192.0.2.1",
        "[::ffff:192.0.2.1]:4848",
        "198.51.100.7",
        "2001:db8:0:1::5",
        "2001:db8:0:1:ffff::1",
        "[2001:db8:0:1::9]:4848",
        "2001:db8:ff12::1",
    ],
)
def test_an_address_that_is_denied(tmp_path: Path, ip: str) -> None:
    """In each form; of an IPv6 one, the site is."""
    assert told(tmp_path, DENY, ip) == REFUSED
    assert told(tmp_path, {"allow": DENY["deny"]}, ip) == "OK"


@pytest.mark.parametrize("ip", ["192.0.3.1", "198.51.100.8", "2001:db8:0:2::5", "2001:db8::1"])
def test_another_address(tmp_path: Path, ip: str) -> None:
    assert told(tmp_path, DENY, ip) == "OK"
    assert told(tmp_path, {"allow": DENY["deny"]}, ip) == REFUSED


def test_versions_are_not_mixed_up(tmp_path: Path) -> None:
    """0.0.0.0/0 is every IPv4 address, and no other."""
    assert told(tmp_path, {"deny": ["0.0.0.0/0"]}, "203.0.113.1") == REFUSED
    assert told(tmp_path, {"deny": ["0.0.0.0/0"]}, "2001:db8::1") == "OK"
    assert told(tmp_path, {"deny": ["::/0"]}, "203.0.113.1") == "OK"


def test_deny_beats_allow(tmp_path: Path) -> None:
    value = {"allow": ["192.0.2.0/24"], "deny": ["192.0.2.7"]}
    answers = [told(tmp_path, value, f"192.0.2.{last}") for last in (7, 8)]
    assert answers == [REFUSED, "OK"]


@pytest.mark.parametrize("ip", ["", "unix:", "192.0.2", "proxy.example"])
@pytest.mark.parametrize("value", [DENY, {"allow": ["0.0.0.0/0"]}])
def test_an_address_that_is_not_known(tmp_path: Path, ip: str, value: Any) -> None:
    """It may be one that is denied."""
    assert told(tmp_path, value, ip) == "blocked: your address is not known"


@pytest.mark.parametrize("origin", [Origin.IMPORT, Origin.SYNC])
def test_what_no_client_sent(tmp_path: Path, origin: Origin) -> None:
    assert told(tmp_path, DENY, "", origin=origin) == "OK"


def test_reading(tmp_path: Path) -> None:
    """A field of its own: the other says nothing of it."""
    denied = by(ip="192.0.2.1")
    with in_force(tmp_path, networks, {"x_networks": DENY}) as gate:
        assert gate.read(NOTE, denied).accepted
    with in_force(tmp_path, networks, {"x_read_networks": DENY}) as gate:
        assert not gate.read(NOTE, denied).accepted
        assert gate.read(NOTE, by(ip="192.0.3.1")).accepted
        assert gate.write(NOTE, denied).accepted


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (["192.0.2.1"], "expected an object with allow and deny, found"),
        ({"deny": "192.0.2.1"}, "deny: expected a list of texts"),
        ({"deny": ["192.0.2"]}, "deny: '192.0.2' does not appear to be an IPv4 or IPv6 network"),
        ({"allow": ["192.0.2.1/24"]}, "allow: 192.0.2.1/24 has host bits set; write"),
        ({"deny": ["2001:db8::1/128"]}, "deny: '2001:db8::1/128' has over 64 bits"),
        ({"deny": ["::ffff:192.0.2.1"]}, "deny: '::ffff:192.0.2.1' is an IPv4 address"),
        ({"denied": ["192.0.2.1"]}, "there is no 'denied' here; did you mean 'deny'?"),
    ],
)
def test_a_value_that_is_none(tmp_path: Path, value: Any, why: str) -> None:
    assert problem(tmp_path, networks, {"x_networks": value}).startswith(why)
