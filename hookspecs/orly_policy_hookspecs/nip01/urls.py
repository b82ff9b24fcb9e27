"""A relay's URL in the one form by which relays are told apart. Pure."""

from collections.abc import Collection, Iterable
from typing import Final
from urllib.parse import urlsplit

_LONGEST: Final = 2_048
"""Characters. urllib keeps what it was given last."""
_DEFAULT_PORTS: Final = {"ws": 80, "wss": 443}


def normal_url(url: str) -> str | None:
    """A relay's URL for comparing: scheme and host in lower case, no port that goes without
    saying, no slash at the end. ``None`` for what is no URL of a relay.
    """
    if len(url) > _LONGEST:
        return None
    try:
        url = url.strip()
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
        return None
    if any(map(str.isspace, url)):
        return None
    shown_port = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{host}{shown_port}{parts.path.rstrip('/')}{query}"


def name_one_relay(some: Iterable[str], others: Collection[str]) -> bool:
    """Whether one of these URLs names the relay that one of the others names."""
    ours = {normal_url(url) for url in others} - {None}
    return not ours.isdisjoint(map(normal_url, some))
