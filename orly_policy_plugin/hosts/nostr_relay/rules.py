"""What nostr-relay's YAML file asks of events and readers, as a plugin of the gate: validators,
``output_validator``, and roles with their actions.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from aionostr.event import Event as TheirEvent
from nostr_relay.auth import Action, Authenticator
from nostr_relay.config import Config
from nostr_relay.errors import AuthenticationError, StorageError
from nostr_relay.util import object_from_path

from orly_policy_hookspecs import Context, Decision, Event, Origin, hookimpl
from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.reading import HINDERS_NOTHING, NOTHING_KNOWN, SameForAllKinds

NAME: Final = "nostr-relay"
"""The plugin's, and the source of its decisions."""

_VERIFIES: Final = "nostr_relay.validators.is_signed"
"""The session does that; this validator's check of delegations (NIP-26) is kept."""
_THEIRS: Final = "nostr_relay."

_MAY_NOT: Final = Decision.reject("restricted: permission denied")
_OUR_FAULT: Final = Decision.reject("error: an output_validator failed")

Validator = Callable[[TheirEvent, Any], None]
Validating = Callable[[Event, Context], "Decision | None"]

log = get_log(__name__)


def configured_rules() -> "ConfiguredRules | None":
    """The plugin; ``None`` where the file asks nothing."""
    paths = Config.storage.get("validators", [_VERIFIES]) or []
    output = Config.get("output_validator")
    has_roles = bool((Config.authentication or {}).get("enabled"))
    if paths == [] and output is None and not has_roles:
        return None
    if output is None and not has_roles:
        return ConfiguredRules(paths)
    return RulesForReaders(paths, object_from_path(output) if output else None)


class ConfiguredRules:
    """Asks what is configured of writes. Its authenticator is given when the relay opens."""

    def __init__(self, validators: Sequence[str]) -> None:
        """:param validators: dotted paths, in their order."""
        self._quick: list[Validator] = []
        self._slow: list[Validator] = []
        for path in validators:
            if path == _VERIFIES:
                self._quick.append(_check_delegation)
            elif path.startswith(_THEIRS):
                self._quick.append(object_from_path(path))
            else:  # it may do what it likes, and nostr-relay lets it block
                self._slow.append(object_from_path(path))
        self._authenticator: Authenticator | None = None
        self._roles: WeakKeyDictionary[Any, dict[str, set[str]]] = WeakKeyDictionary()

    def use(self, authenticator: Authenticator) -> None:
        """Ask this one about roles."""
        self._authenticator = authenticator if authenticator.is_enabled else None

    # --- writes

    @hookimpl
    def on_write(self, event: Event, context: Context) -> Any:
        """The validators, then the action ``save``."""
        theirs = their_event(event)
        if (refusal := _refusal(self._quick, theirs)) is not None:
            return refusal
        if self._slow or (self._authenticator is not None and context.origin is Origin.CLIENT):
            return self._ask_slow(theirs, context)
        return None

    async def _ask_slow(self, theirs: TheirEvent, context: Context) -> Decision | None:
        refusal = None
        if self._slow:
            refusal = await asyncio.to_thread(_refusal, self._slow, theirs)
        if refusal is None and not await self._may(Action.save, context, theirs):
            return _MAY_NOT
        return refusal

    # --- roles

    async def _may(self, action: Action, context: Context, target: TheirEvent | None) -> bool:
        """Whether one of those who authenticated may do it; an anonymous client, where nobody
        did.
        """
        authenticator = self._authenticator
        if authenticator is None or context.origin is not Origin.CLIENT:
            return True
        tokens = [
            {"pubkey": key, "roles": await self._roles_of(key, context)}
            for key in context.authenticated
        ]
        for token in tokens or [{}]:
            if await authenticator.can_do(token, action.value, target):
                return True
        return False

    async def _roles_of(self, pubkey: str, context: Context) -> set[str]:
        """Looked up once a connection and key, as nostr-relay does."""
        assert self._authenticator is not None
        known = self._roles.setdefault(context.connection, {})
        if pubkey not in known:
            known[pubkey] = await self._authenticator.storage.get_auth_roles(pubkey)
        return known[pubkey]


class RulesForReaders(ConfiguredRules):
    """The same, where something is configured of reads as well."""

    def __init__(self, validators: Sequence[str], output_validator: Any) -> None:
        """:param output_validator: called with each event and who reads it; ``None`` for none."""
        super().__init__(validators)
        self._check_output = output_validator

    @hookimpl
    def on_read(self, event: Event, context: Context) -> Any:
        """The action ``query``, then the output validator."""
        if self._everybody_queries(context):
            return self._shown(event, context)
        return self._ask_role(event, context)

    async def _ask_role(self, event: Event, context: Context) -> Decision | None:
        if not await self._may(Action.query, context, None):
            return _MAY_NOT
        return self._shown(event, context)

    def _shown(self, event: Event, context: Context) -> Decision | None:
        if self._check_output is None:
            return None
        keys = context.authenticated
        token = {"pubkey": keys[-1]} if keys else {}
        asked = {"config": Config, "client_id": context.ip, "auth_token": token}
        try:
            may = self._check_output(their_event(event), asked)
        except Exception:
            log.exception("the output_validator failed")
            return _OUR_FAULT
        return None if may else Decision.reject("blocked: not shown")

    @hookimpl
    def read_scopes(self, context: Context) -> SameForAllKinds:
        """Nothing is hidden where there is neither an output validator nor a role to have."""
        is_open = self._check_output is None and self._everybody_queries(context)
        return _OPEN if is_open else _UNKNOWN

    def _everybody_queries(self, context: Context) -> bool:
        authenticator = self._authenticator
        if authenticator is None or context.origin is not Origin.CLIENT:
            return True
        return bool(authenticator.default_roles <= authenticator.actions[Action.query.value])


_OPEN: Final = SameForAllKinds(HINDERS_NOTHING)
_UNKNOWN: Final = SameForAllKinds(NOTHING_KNOWN)


def their_event(event: Event) -> TheirEvent:
    """The event as nostr-relay's own functions take it."""
    return TheirEvent(
        id=event.id,
        pubkey=event.pubkey,
        created_at=event.created_at,
        kind=event.kind,
        tags=[list(tag) for tag in event.tags],
        content=event.content,
        sig=event.sig,
    )


def _refusal(validators: Sequence[Validator], event: TheirEvent) -> Decision | None:
    """What the first that refuses says."""
    for validate in validators:
        try:
            validate(event, Config)
        except (StorageError, AuthenticationError) as error:
            return Decision.reject(str(error).replace("rejected:", "blocked:", 1))
    return None


def _check_delegation(event: TheirEvent, _: Any) -> None:
    if not any(tag[0] == "delegation" for tag in event.tags):
        return
    try:
        is_right = event.verify()
    except (ValueError, IndexError, TypeError):
        is_right = False
    if not is_right:
        raise StorageError("invalid: the delegation is wrong")
