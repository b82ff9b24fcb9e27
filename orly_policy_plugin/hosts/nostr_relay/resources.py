"""nostr-relay's pages, as far as they would show more than anybody may see, or not the truth."""

from typing import Any

import falcon
import orjson
from nostr_relay import __version__
from nostr_relay.config import Config

from orly_policy_hookspecs import Context
from orly_policy_hookspecs.nip01 import is_hex32

from ...session import MEDIA_TYPE, asks_for_information
from .serving import Serving

_OWN_NIPS = (5, 26)
"""What nostr-relay does besides."""
_SOFTWARE = "https://code.pobblelabs.org/fossil/nostr_relay"


class Root:
    """``GET /``: NIP-11, or the home page."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    async def on_get(self, request: Any, response: Any) -> None:
        """As nostr-relay's own, with what is true behind a policy."""
        _allow_browsers(response)
        if asks_for_information(request.accept):
            response.data = orjson.dumps(self._serving.server.information(_own()))
            response.content_type = MEDIA_TYPE
        elif Config.redirect_homepage:
            raise falcon.HTTPFound(Config.redirect_homepage)
        else:
            response.text = "try using a nostr client :-)"

    async def on_options(self, request: Any, response: Any) -> None:
        """What a browser asks before it asks something unusual."""
        _allow_browsers(response)
        response.status = falcon.HTTP_NO_CONTENT


def _allow_browsers(response: Any) -> None:
    """Let pages of other sites read the answer, as NIP-11 wants it (CORS)."""
    for name in ("Origin", "Headers", "Methods"):
        response.append_header(f"Access-Control-Allow-{name}", "*")


def _own() -> dict[str, Any]:
    """What the operator says of the relay."""
    given = {
        "name": Config.relay_name,
        "description": Config.relay_description,
        "pubkey": Config.sysop_pubkey,
        "contact": Config.sysop_contact,
    }
    told = {name: value for name, value in given.items() if value}
    software = {"software": _SOFTWARE, "version": __version__}
    return {**told, "supported_nips": _OWN_NIPS, **software}


class EventPage:
    """``GET /e/<id>``: an event that may be read by somebody who has not authenticated."""

    def __init__(self, storage: Any, serving: Serving) -> None:
        self._storage = storage
        self._serving = serving

    async def on_get(self, request: Any, response: Any, event_id: str) -> None:
        """The event as JSON; 404 where there is none, or none for everybody."""
        found = await self._storage.find_event(event_id) if is_hex32(event_id) else None
        reader = Context(ip=request.remote_addr or "")
        if found is None or not await self._serving.server.readable([found], reader):
            raise falcon.HTTPNotFound
        response.media = found._asdict()


class NoStatistics:
    """``GET /stats/``: how many events of which kind there are is nobody's business."""

    async def on_get(self, request: Any, response: Any) -> None:
        """404."""
        raise falcon.HTTPNotFound
