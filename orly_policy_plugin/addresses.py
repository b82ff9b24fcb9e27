"""Groups of addresses: the part that a client may choose tells nobody apart. Pure."""

import ipaddress
import re
from functools import lru_cache
from typing import Final

_WITH_PORT: Final = re.compile(r"^(?:(\d+(?:\.\d+){3}):\d+|\[([^\]]*)\](?::\d+)?)$", re.ASCII)
_PREFIX_OF_A_SITE: Final = 64
"""Bits of an IPv6 address: the rest a client chooses."""


@lru_cache(maxsize=4096)
def address_group(ip: str) -> str:
    """The name of an address's group: an IPv4 address itself, the first 64 bits of an IPv6 one.

    An IPv4 address in the form of an IPv6 one is the IPv4 one. What is no address stands for
    itself.
    """
    try:
        address = ipaddress.ip_address(_WITH_PORT.sub(r"\1\2", ip))
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    site = ipaddress.ip_network((int(address), _PREFIX_OF_A_SITE), strict=False)
    return str(site)


def is_loopback(ip: str) -> bool:
    """Whether an address is of this machine itself. What is no address is none."""
    try:
        return ipaddress.ip_address(_WITH_PORT.sub(r"\1\2", ip)).is_loopback
    except ValueError:
        return False
