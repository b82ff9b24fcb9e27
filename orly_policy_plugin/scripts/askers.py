"""Who asks a script, so that each has a fair share of it (section 5 of SPEC.md). Pure."""

import functools
import ipaddress
from collections.abc import Hashable
from typing import Final

from orly_policy_hookspecs import Context

Asker = tuple[Hashable, ...]
"""The address, the connection there, and who is logged in on it: the outermost first.

Keys and connections cost nothing, so neither may multiply what one who floods gets: they share
what their address gets. Where no address is known, connections are what is left to tell apart, and
where there is no connection, keys.
"""

_IPV6_PREFIX_BITS: Final = 64
"""What one customer is given: its addresses are one's own to choose."""
_MOST_ADDRESSES: Final = 4_096


def asker(context: Context, logged_in_pubkey: str | None) -> Asker:
    """Whose turn a question takes. The connection counts by its identity: keep the context for as
    long as the asker is in use.
    """
    return (network(context.ip), id(context.connection), logged_in_pubkey)


@functools.lru_cache(_MOST_ADDRESSES)
def network(ip: str) -> str:
    """The address, of IPv6 its first 64 bits; what is no address is taken as it is."""
    if ":" not in ip:
        return ip
    try:
        address = ipaddress.IPv6Address(ip.partition("%")[0])
    except ValueError:
        return ip
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, _IPV6_PREFIX_BITS), strict=False))
