"""nostr-relay's pages that would show any event, or how many there are, to anyone."""

from typing import Any

import falcon
from aionostr.event import Event

from orly_policy_hookspecs import Context
from orly_policy_hookspecs.nip01 import is_hex32


class EventPage:
    """``GET /e/<id>``: an event that may be read by somebody who has not authenticated."""

    def __init__(self, storage: Any) -> None:
        self._storage = storage

    async def on_get(self, request: Any, response: Any, event_id: str) -> None:
        """The event as JSON; 404 where there is none, or none for everybody."""
        event = await self._stored(event_id)
        reader = Context(ip=request.remote_addr or "")
        if event is None or not await self._storage.readable([event], reader, None):
            raise falcon.HTTPNotFound
        response.media = event.to_json_object()

    async def _stored(self, event_id: str) -> Event | None:
        if not is_hex32(event_id):
            return None
        return await self._storage.get_event(event_id)


class NoStatistics:
    """``GET /stats/``: how many events of which kind there are is nobody's business."""

    async def on_get(self, request: Any, response: Any) -> None:
        """404."""
        raise falcon.HTTPNotFound
