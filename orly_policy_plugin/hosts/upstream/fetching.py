"""Pages of the upstream's over HTTP, the document of NIP-11 first of all."""

import asyncio
import http.client
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from orly_policy_hookspecs.logs import get_log

from ...session import MEDIA_TYPE
from .information import UpstreamInformation

_SECONDS: Final = 5.0
_MOST_BYTES: Final = 1_048_576
_SECURE: Final = {"wss": True, "ws": False}

log = get_log(__name__)


async def fetch_information(url: str) -> UpstreamInformation | None:
    """Ask the upstream. ``None`` where it does not say, which is in the log.

    :param url: ``ws://`` or ``wss://``.
    """
    try:
        members = await asyncio.to_thread(_fetched, url)
    except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
        log.info("the upstream %s says nothing of itself (NIP-11): %s", url, error)
        return None
    return UpstreamInformation(members)


def _fetched(url: str) -> Mapping[str, Any]:
    page = fetch(url, {"Accept": MEDIA_TYPE})
    if page.status != http.client.OK:
        raise ValueError(f"HTTP status {page.status}")
    members = json.loads(page.content)
    if not isinstance(members, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 -- of what is read
    return members


@attrs.frozen
class Page:
    """What the upstream has answered to an HTTP request."""

    status: int
    media_type: str
    content: bytes


def fetch(url: str, headers: Mapping[str, str], path: str | None = None) -> Page:
    """GET a page of the upstream. Blocks.

    :param path: with its query; the path of the URL where ``None``.
    :raises OSError, http.client.HTTPException, ValueError: it cannot be had.
    """
    parts = urlsplit(url)
    secure = _SECURE[parts.scheme]
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_SECONDS)
    try:
        connection.request("GET", path or parts.path or "/", headers=dict(headers))
        response = connection.getresponse()
        content = response.read(_MOST_BYTES + 1)
    finally:
        connection.close()
    if len(content) > _MOST_BYTES:
        raise ValueError(f"its answer is over {_MOST_BYTES} bytes")
    media_type = response.headers.get("Content-Type", "application/octet-stream")
    return Page(response.status, media_type, content)
