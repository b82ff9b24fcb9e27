"""The events in what the upstream sends: well formed, with their right ids, signed."""

from collections import OrderedDict
from typing import Final

import orjson

from orly_policy_hookspecs.nip01 import FrozenEvent, MalformedEvent, read_event

from ...authority import has_right_id, is_signed
from .complaints import Complaints

_MOST_BYTES: Final = 16 * 1024 * 1024
"""Of texts that are remembered; with their events they take three times that."""
_MOST_SIGNATURES: Final = 10_000
_OF_AN_ENTRY: Final = 500
"""Bytes that a short text takes nevertheless."""


class Genuine:
    """Reads events, each text once as long as it is remembered: to read and verify an event takes
    longer than all else that is done with it, and many readers ask for the same ones.
    """

    def __init__(
        self, complaints: Complaints, *, trusts_signatures: bool = False, most: int = _MOST_BYTES
    ) -> None:
        """:param trusts_signatures: whether only ids are verified.
        :param most: bytes of texts to remember.
        """
        self._complaints = complaints
        self._trusts_signatures = trusts_signatures
        self._most = most
        self._events: OrderedDict[bytes, FrozenEvent] = OrderedDict()
        self._bytes = 0
        self._signed: OrderedDict[str, str] = OrderedDict()

    def event_of(self, text: bytes) -> FrozenEvent | None:
        """The event that a JSON text is; ``None``, and a complaint, where it is none."""
        if (event := self._events.get(text)) is not None:
            self._events.move_to_end(text)
            return event
        try:
            event = read_event(orjson.loads(text))
        except (orjson.JSONDecodeError, MalformedEvent) as error:
            self._complaints.say("sends what is no event", str(error))
            return None
        if not (has_right_id(event) and self._is_signed(event)):
            self._complaints.say("sends events that are not genuine", event.id)
            return None
        self._keep(text, event)
        return event

    def remember(self, event: FrozenEvent) -> None:
        """Somebody has verified an event, which will come back."""
        self._signed[event.id] = event.sig
        if len(self._signed) > _MOST_SIGNATURES:
            self._signed.popitem(last=False)

    def _is_signed(self, event: FrozenEvent) -> bool:
        is_known = self._trusts_signatures or self._signed.get(event.id) == event.sig
        return is_known or is_signed(event)

    def _keep(self, text: bytes, event: FrozenEvent) -> None:
        self._events[text] = event
        self._bytes += len(text) + _OF_AN_ENTRY
        while self._bytes > self._most:
            forgotten, _ = self._events.popitem(last=False)
            self._bytes -= len(forgotten) + _OF_AN_ENTRY
