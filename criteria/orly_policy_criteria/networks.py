"""``x_networks`` and ``x_read_networks``: the addresses that clients may write or read from."""

import ipaddress
import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any, Final

import attrs

from orly_policy_hookspecs import Context, Criterion, FrozenEvent, Origin, hookimpl
from orly_policy_hookspecs.criteria import Access

from .values import members_of, object_shape, texts, texts_shape

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_WITH_PORT: Final = re.compile(r"^(?:(\d+(?:\.\d+){3}):\d+|\[([^\]]*)\](?::\d+)?)$", re.ASCII)
_PREFIX_OF_A_SITE: Final = 64
"""Bits of an IPv6 address: the rest a client chooses."""
_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")
"""IPv4 addresses in the form of IPv6 ones."""


@attrs.frozen
class Networks:
    """Networks, found by an address in a look-up for each length of prefix that there is."""

    _starts: dict[tuple[int, int], set[int]]
    """By version and length of prefix, the first bits of each."""

    @classmethod
    def of(cls, networks: Collection[Network]) -> "Networks":
        starts: dict[tuple[int, int], set[int]] = {}
        for network in networks:
            bits = int(network.network_address) >> network.max_prefixlen - network.prefixlen
            starts.setdefault((network.version, network.prefixlen), set()).add(bits)
        return cls(starts)

    def __bool__(self) -> bool:
        return bool(self._starts)

    def have(self, address: Network) -> bool:
        """Whether the address, a network of it alone, is in one of these."""
        bits, length = int(address.network_address), address.max_prefixlen
        return any(
            version == address.version and bits >> length - prefix in starts
            for (version, prefix), starts in self._starts.items()
        )


@attrs.frozen
class From:
    """Whence a client may come."""

    allow: Networks
    """Nowhere else, where there are some."""
    deny: Networks


def whence(value: object) -> From:
    """Read ``{"allow": […], "deny": […]}``, of which one may be left out.

    :raises ValueError: it is something else; a text is no address and no network.
    """
    members = members_of(value, ("allow", "deny"))
    allow, deny = (
        Networks.of([_network(text, name) for text in texts(members[name], name)])
        if name in members
        else Networks({})
        for name in ("allow", "deny")
    )
    return From(allow, deny)


def _network(text: str, name: str) -> Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}; write 192.0.2.7 or 192.0.2.0/24") from error
    if isinstance(network, ipaddress.IPv4Network):
        return network
    if network.subnet_of(_MAPPED):
        raise ValueError(f"{name}: {text!r} is an IPv4 address: write it as one")
    if network.prefixlen <= _PREFIX_OF_A_SITE:
        return network
    if "/" in text:
        raise ValueError(
            f"{name}: {text!r} has over {_PREFIX_OF_A_SITE} bits: a client chooses the rest itself"
        )
    return network.supernet(new_prefix=_PREFIX_OF_A_SITE)


@lru_cache(maxsize=4096)
def _address(ip: str) -> Network | None:
    """The address as a network of it alone; ``None`` where it is none."""
    try:
        address = ipaddress.ip_address(_WITH_PORT.sub(r"\1\2", ip))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return ipaddress.ip_network(address)


def site_of(ip: str) -> str | None:
    """The address that stands for a client: of an IPv6 one the first 64 bits; ``None`` where it is
    none.
    """
    if (address := _address(ip)) is None:
        return None
    if isinstance(address, ipaddress.IPv6Network):
        address = address.supernet(new_prefix=_PREFIX_OF_A_SITE)
    return str(address)


def from_elsewhere(_: FrozenEvent, context: Context, networks: From) -> str | None:
    """Say that the client's address is not one that may. What no client sent has none."""
    if context.origin is not Origin.CLIENT:
        return None
    if (address := _address(context.ip)) is None:
        return "blocked: your address is not known"
    if networks.deny.have(address) or (networks.allow and not networks.allow.have(address)):
        return "blocked: not from your address"
    return None


def in_words(value: Any) -> str:
    """The value for a summary."""
    only = f"only from {', '.join(value['allow'])}" if "allow" in value else ""
    never = f"not from {', '.join(value['deny'])}" if "deny" in value else ""
    return ", ".join(filter(None, (only, never)))


def _criterion(name: str, access: Access) -> Criterion:
    return Criterion(
        name=name,
        unit="networks",
        says=in_words,
        read=whence,
        shape=object_shape({"allow": texts_shape(), "deny": texts_shape()}),
        asked_on=(access,),
        refuses=from_elsewhere,
    )


@hookimpl
def criteria() -> Collection[Criterion]:
    """Add ``x_networks`` and ``x_read_networks`` to rules."""
    return [_criterion("x_networks", "write"), _criterion("x_read_networks", "read")]
