"""Networks that are everybody. Pure."""

from ipaddress import ip_network


def is_anybody(network: str) -> bool:
    """Whether ``*`` or a network such as ``0.0.0.0/0`` has every address of its sort.

    :param network: as servers take it: an address, a network, or ``*``.
    """
    if network.strip() == "*":
        return True
    try:
        return ip_network(network.strip(), strict=False).prefixlen == 0
    except ValueError:
        return False  # a host's name, or the path of a socket
