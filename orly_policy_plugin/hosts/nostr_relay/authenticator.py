"""NIP-42: several keys a connection, each AUTH answered with OK."""

from collections.abc import Mapping
from time import time
from typing import Any, Final

from aionostr.event import Event
from nostr_relay.auth import Authenticator

from orly_policy_hookspecs import malformed, nip01
from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import kinds

from ...authority import verify
from .connection import current_connection, shown_id

ROLES_COUNT: Final = "orly_policy_roles"
"""The option that holds what ``enabled`` was in nostr-relay's configuration."""
_MOST_SECONDS_OFF: Final = 600
_MOST_KEYS: Final = 64
"""Of one connection: each is looked at with every event."""

log = get_log(__name__)


class PolicyAuthenticator(Authenticator):  # type: ignore[misc]
    """nostr-relay's authenticator with its roles, but always on, and answering."""

    def parse_options(self, options: Mapping[str, Any]) -> tuple[Any, ...]:
        """Read nostr-relay's ``authentication`` settings; ``relay_urls`` and ``valid_urls`` both
        name the relay's URLs. Roles count only where the settings say ``enabled``.
        """
        roles = options if options.get(ROLES_COUNT) else {}
        actions, _, _, throttle = super().parse_options(roles)
        urls = [*(options.get("relay_urls") or ()), *(options.get("valid_urls") or ())]
        return actions, frozenset(map(_normal, urls)), True, throttle

    async def authenticate(self, auth_event_json: object, challenge: str = "") -> dict[str, Any]:
        """Check an AUTH event, answer it, and return the connection's token.

        A failed one leaves everybody authenticated who was.
        """
        connection = current_connection.get()
        if connection is None:
            raise RuntimeError("AUTH outside of a connection: serve the app of create_app")
        problem = self._problem(auth_event_json, challenge)
        if problem is None:
            assert isinstance(auth_event_json, dict)
            pubkey = auth_event_json["pubkey"]
            roles = await self.storage.get_auth_roles(pubkey)
            connection.authenticated(pubkey)
            connection.auth_token = {"pubkey": pubkey, "roles": roles, "now": time()}
            log.info("authenticated %s from %s", pubkey, connection.context.ip)
        await connection.send(["OK", shown_id(auth_event_json), problem is None, problem or ""])
        return connection.auth_token

    def _problem(self, value: object, challenge: str) -> str | None:
        """What is wrong with an AUTH event, as an OK message; ``None`` if nothing."""
        if problem := malformed(value):
            return f"invalid: {problem}"
        assert isinstance(value, dict)
        event = Event(**{name: value[name] for name in nip01.FIELDS})
        if event.kind != kinds.AUTHENTICATION:
            return f"invalid: kind {event.kind} is not {kinds.AUTHENTICATION}"
        if abs(time() - value["created_at"]) > _MOST_SECONDS_OFF:
            return f"invalid: created_at is more than {_MOST_SECONDS_OFF} seconds off"
        if _first(event, "challenge") != challenge:
            return "invalid: the challenge is not the one sent on this connection"
        relay = _first(event, "relay")
        if relay is None or _normal(relay) not in self.valid_urls:
            return "invalid: the relay tag does not name this relay"
        if not verify(event):
            return "invalid: the id or the signature is wrong"
        connection = current_connection.get()
        known = connection.context.authenticated if connection else ()
        if len(known) >= _MOST_KEYS and event.pubkey not in known:
            return f"restricted: at most {_MOST_KEYS} keys may authenticate on a connection"
        return None


def _first(event: Event, name: str) -> str | None:
    return next((tag[1] for tag in event.tags if tag[0] == name and len(tag) > 1), None)


def _normal(url: str) -> str:
    """A URL without the last slash and in lower case up to its path: both name one relay."""
    scheme, separator, rest = url.strip().partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host}".lower() + (slash + path).rstrip("/")
