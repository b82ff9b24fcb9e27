"""``relay.store`` behind the policy: for the relay's pages, and for programs."""

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from monstr.event.event import Event as TheirEvent
from monstr.event.persist import ARelayEventStoreInterface, DeleteMode
from monstr.relay.exceptions import NostrCommandException

from orly_policy_hookspecs import Context
from orly_policy_hookspecs.nip01 import Filter, event_json

from ...session import Server

reader: ContextVar[Context] = ContextVar("reader", default=Context())  # noqa: B039 -- immutable
"""Who asks for a page."""


class ShownStore(ARelayEventStoreInterface):  # type: ignore[misc]
    """Shows what somebody may read who has not authenticated, and takes events as a session does.
    monstr's pages (``event_route``, ``filter_route``, ``view_profile_route``) ask it.
    """

    def __init__(self, server: Callable[[], Server], delete_mode: DeleteMode) -> None:
        super().__init__(delete_mode=delete_mode, nip16=True, nip33=True)
        self._server = server

    async def get_filter(self, filter: Any) -> list[dict[str, Any]]:  # noqa: A002 -- monstr's
        """The events that match one of several filters and may be read, newest first.

        :raises UnreadableFilter: one is none.
        """
        given = [filter] if isinstance(filter, Mapping) else filter
        filters = [Filter.read(_listed(each)) for each in given]
        server = self._server()
        for text in (each.search for each in filters):
            if text:
                server.search_for(text)
        asking = reader.get()
        stored = server.reading.stored(filters, lambda: asking)
        return [event_json(event) async for events in stored for event in events]

    async def add_event(self, evt: TheirEvent | Iterable[TheirEvent]) -> None:
        """Take the relay's own events.

        :raises NostrCommandException: one is refused.
        """
        for event in [evt] if isinstance(evt, TheirEvent) else evt:
            answer = await self._server().submit(event.data())
            if not answer.accepted:
                raise NostrCommandException(answer.event_id, success=False, message=answer.message)

    async def do_delete(self, evt: TheirEvent) -> None:
        """Take a deletion, which is stored, too.

        :raises NostrCommandException: it is refused.
        """
        await self.add_event(evt)


def _listed(query: Mapping[str, Any]) -> dict[str, Any]:
    """A query of monstr's, which may have one value where a filter has a list."""
    lists = {"ids", "authors", "kinds", *(name for name in query if name.startswith("#"))}
    return {
        name: [value] if name in lists and not isinstance(value, list) else value
        for name, value in query.items()
    }
