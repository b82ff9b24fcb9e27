"""What a monstr relay asks of events and readers, as a plugin of the gate: its acceptors
(``accept_req_handler``) and its ``sub_filter``.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

import attrs
from monstr.event.event import Event as TheirEvent
from monstr.relay.accept_handlers import AcceptReqHandler, SubscriptionFilter
from monstr.relay.exceptions import (
    NostrCommandException,
    NostrNotAuthenticatedException,
    NostrNoticeException,
)

from orly_policy_hookspecs import Context, Decision, Event, Origin, hookimpl
from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import event_json

NAME: Final = "monstr"
"""The plugin's, and the source of its decisions."""

log = get_log(__name__)

_FAILED: Final = Decision.reject("error: the relay's own rules failed")
_NOT_SHOWN: Final = Decision.reject("blocked: not shown")


@attrs.define
class NoWebsocket:
    """What stands for a websocket to monstr's rules where there is none: somebody reads a page."""

    id: None = None
    authenticated_pub_ks: frozenset[str] = frozenset()


class Rules:
    """Asks the acceptors of what clients write; what the relay itself writes is not asked about,
    as in monstr. They are called on the event loop.
    """

    def __init__(self, acceptors: Iterable[AcceptReqHandler]) -> None:
        self._acceptors = tuple(acceptors)
        self._websockets: WeakKeyDictionary[object, Any] = WeakKeyDictionary()

    def connected(self, connection: object, websocket: Any) -> None:
        """Remember which websocket a session is on."""
        self._websockets[connection] = websocket

    def _websocket(self, context: Context) -> Any:
        """The websocket, with what monstr keeps on it."""
        known = None
        if context.connection is not None:
            known = self._websockets.get(context.connection)
        websocket = NoWebsocket() if known is None else known
        websocket.authenticated_pub_ks = frozenset(context.authenticated)
        return websocket

    @hookimpl
    def on_write(self, event: Event, context: Context) -> Decision | None:
        """The first acceptor that refuses."""
        if context.origin is not Origin.CLIENT:
            return None
        websocket, theirs = self._websocket(context), TheirEvent.load(event_json(event))
        for acceptor in self._acceptors:
            if (refusal := _asked(acceptor, websocket, theirs)) is not None:
                return refusal
        return None


class RulesForReaders(Rules):
    """The same, with subscription filters. Of several each is heeded; monstr heeds the last."""

    def __init__(
        self, acceptors: Iterable[AcceptReqHandler], filters: Sequence[SubscriptionFilter]
    ) -> None:
        super().__init__(acceptors)
        self._filters = tuple(filters)

    @hookimpl
    def on_read(self, event: Event, context: Context) -> Decision | None:
        """Refused unless all filters say yes. They are not told which subscription it is for: a
        reader is given the same on each.
        """
        websocket, fields = self._websocket(context), event_json(event)
        try:
            may = all(each.send_event(websocket, None, fields) for each in self._filters)
        except Exception:
            log.exception("a sub_filter failed")
            return _FAILED
        return None if may else _NOT_SHOWN


def _asked(acceptor: AcceptReqHandler, websocket: Any, event: TheirEvent) -> Decision | None:
    try:
        acceptor.accept_post(websocket, event)
    except NostrCommandException as answer:
        _, _, is_accepted, message = answer.get_data()
        return Decision.shadow_reject() if is_accepted else Decision.reject(str(message))
    except NostrNoticeException as error:
        return Decision.reject(str(error))
    except NostrNotAuthenticatedException as error:
        return Decision.reject(f"auth-required: {str(error).removeprefix('restricted: ')}")
    except Exception:
        log.exception("an accept_req_handler failed")
        return _FAILED
    return None
