"""EVENT: from a JSON value to the answer, in the order of section 11 of the spec."""

from collections.abc import Awaitable, Callable
from typing import Final

import attrs
import orjson

from orly_policy_hookspecs import POLICY_EVENT_KIND, Context, Gate
from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import (
    FrozenEvent,
    KindClass,
    MalformedEvent,
    canonical,
    class_of,
    is_expired,
    is_protected,
    kinds,
    read_event,
)

from ..authority import verify
from ..counted import counted
from .deletions import Vanishing, deletion_of, vanishing_of
from .host import Abilities, Added, Known, NotStored, StoreUnavailable
from .messages import id_of
from .recalling import recall
from .settings import SessionSettings
from .shadows import Shadows
from .versions import Versions

log = get_log(__name__)

_LARGEST_REQUEST_BYTES: Final = 16_384
"""Of a request to vanish."""
_REQUEST_AHEAD_SECONDS: Final = 900

_SAID: Final = {
    Known.STORED: (True, ""),
    Known.DUPLICATE: (True, "duplicate: stored already"),
    Known.SUPERSEDED: (True, "duplicate: a newer version is stored already"),
    Known.DELETED: (False, "blocked: deleted"),
}


@attrs.frozen
class Ok:
    """The OK to an EVENT."""

    event_id: str
    """As it came; empty where it is no text."""
    accepted: bool
    message: str = ""


class _Refused(Exception):
    """The event is not taken; the text is for the client, with a prefix."""


@attrs.frozen
class Writing:
    """Takes events: verifies them, asks the gate, has them stored."""

    _gate: Gate
    _able: Abilities
    _settings: SessionSettings
    _clock: Callable[[], float]
    _stored: Callable[[FrozenEvent, Context], Awaitable[None]]
    """Told of every event that has been taken, ephemeral ones included."""
    _shadows: Shadows = attrs.field(factory=Shadows)
    _versions: Versions = attrs.field(factory=Versions)

    async def take(self, value: object, context: Context) -> Ok:
        """Take what a client sent as an event. Never raises but when it is cancelled.

        :param value: a decoded JSON value.
        """
        event_id = id_of(value)
        try:
            event = self._genuine(value)
            answer = Ok(event_id, True, await self._take(event, context))
        except _Refused as refusal:
            answer = Ok(event_id, False, str(refusal))
        except StoreUnavailable as error:
            answer = Ok(event_id, False, f"error: {error}")
        except Exception:
            log.exception("the event %s could not be taken", event_id)
            answer = Ok(event_id, False, "error: the event could not be stored")
        if not answer.accepted:
            log.info("refused %s: %s", event_id, answer.message)
        return answer

    def _genuine(self, value: object) -> FrozenEvent:
        tags = value.get("tags") if isinstance(value, dict) else None
        most = self._settings.event_tags
        if isinstance(tags, list) and len(tags) > most:
            raise _Refused(f"invalid: the event has {len(tags)} tags, at most {most} may be")
        try:
            event = read_event(value)
        except MalformedEvent as error:
            raise _Refused(f"invalid: {error}") from error
        if event.kind == POLICY_EVENT_KIND:
            return event  # whoever acts on it verifies it, and says more of what is wrong
        if not verify(event):
            raise _Refused("invalid: the id or the signature is wrong")
        return event

    async def _take(self, event: FrozenEvent, context: Context) -> str:
        """Take an event, and return the message of its OK."""
        self._check(event, context)
        if event.kind == POLICY_EVENT_KIND:
            return await self._change(event, context)
        if event.kind == kinds.VANISH:
            vanishing = vanishing_of(event, self._settings.relay_urls)
            if vanishing is not None:
                return await self._vanish(event, vanishing, context)
        if event.kind == kinds.DELETION:
            withdrawn = await self._withdraw(event, context)
            if withdrawn is not None:
                await self._store_withdrawal(event, context)
                return withdrawn
        return await self._decide_and_store(event, context)

    def _check(self, event: FrozenEvent, context: Context) -> None:
        """Refuse what is refused whatever the policy says."""
        if event.kind == kinds.AUTHENTICATION:
            raise _Refused(f"invalid: kind {event.kind} is sent as AUTH, not as EVENT")
        if is_expired(event, int(self._clock())):
            raise _Refused("invalid: the event has expired")
        if is_protected(event) and event.pubkey not in context.authenticated:
            prefix = "restricted" if context.authenticated else "auth-required"
            raise _Refused(f"{prefix}: a protected event is taken from its author alone (NIP-70)")
        if event.kind in kinds.REPOSTS:
            _check_embedded(event)

    # --- what is more than an event

    async def _change(self, event: FrozenEvent, context: Context) -> str:
        decision = await self._gate.policy_event(event, context)
        if not decision.accepted:
            raise _Refused(decision.message)
        return decision.message

    async def _withdraw(self, event: FrozenEvent, context: Context) -> str | None:
        """The message where a deletion withdraws a contribution: that is done, whatever becomes
        of the deletion itself.
        """
        decision = await self._gate.withdrawal(event, context)
        if decision is None:
            return None
        log.info("%s: %s", event.id, decision.message)
        if not decision.accepted:
            raise _Refused(decision.message)
        return decision.message

    async def _store_withdrawal(self, event: FrozenEvent, context: Context) -> None:
        """Store a deletion that has withdrawn a contribution, where it may be and can be stored.
        What it has done is done either way.
        """
        try:
            await self._decide_and_store(event, context)
        except _Refused as refusal:
            log.info("%s is not stored: %s", event.id, refusal)
        except Exception:
            log.exception("%s has withdrawn a contribution, but is not stored", event.id)

    async def _vanish(self, event: FrozenEvent, vanishing: Vanishing, context: Context) -> str:
        """Obey a request to vanish (NIP-62), whatever the policy says of its kind and author. Who
        subscribes is told of it where the policy would take it.
        """
        if self._able.forgets is None:
            raise _Refused("error: this relay cannot make anybody vanish")
        self._check_request(event)
        if await self._recall(event) is Known.DUPLICATE:
            return _said(Known.DUPLICATE)
        decision = await self._gate.write(event, context)
        await self._able.forgets.vanish(vanishing)
        log.info("%s has vanished up to %d", event.pubkey, event.created_at)
        if decision.accepted and not decision.shadowed:
            await self._stored(event, context)
        return ""

    def _check_request(self, event: FrozenEvent) -> None:
        """Bound a request to vanish, as no policy does."""
        if (size_bytes := len(canonical(event))) > _LARGEST_REQUEST_BYTES:
            most = _LARGEST_REQUEST_BYTES
            raise _Refused(
                f"invalid: a request to vanish has {counted(size_bytes, 'byte')}, "
                f"at most {most} may be"
            )
        if event.created_at > self._clock() + _REQUEST_AHEAD_SECONDS:
            raise _Refused("invalid: a request to vanish is dated in the future")

    # --- storing

    async def _decide_and_store(self, event: FrozenEvent, context: Context) -> str:
        if event.kind == kinds.DELETION:
            self._check_deletion(event)
        is_kept = class_of(event.kind) is not KindClass.EPHEMERAL
        known = await self._recall(event)
        if known in (Known.SUPERSEDED, Known.DELETED):
            return _said(known)
        decision = await self._gate.write(event, context)
        if decision.shadowed:
            return _said(self._shadows.add(event) if is_kept else Known.STORED)
        if not decision.accepted:
            raise _Refused(decision.message)
        async with self._versions.lock(event):  # readers see versions in the order of storing
            if known is None and (is_kept or self._able.relays is not None):
                known = await self._store(event)
            if known not in (None, Known.STORED):
                return _said(known)
            await self._stored(event, context)
        return decision.message

    def _check_deletion(self, event: FrozenEvent) -> None:
        most = self._settings.deletion_targets
        if (named := sum(tag[0] in ("e", "a") for tag in event.tags)) > most:
            raise _Refused(f"invalid: a deletion names {named} events, at most {most} may be")
        if self._able.deletes is None:
            raise _Refused("error: this relay cannot delete")

    async def _recall(self, event: FrozenEvent) -> Known | None:
        return self._shadows.recall(event) or await recall(
            self._able, event, self._settings.relay_urls
        )

    async def _store(self, event: FrozenEvent) -> Known:
        added = await self._add(event)
        if isinstance(added, NotStored):
            raise _Refused(added.message)
        if event.kind == kinds.DELETION and self._able.deletes is not None:
            await self._able.deletes.delete(deletion_of(event))
        return added

    async def _add(self, event: FrozenEvent) -> Added:
        if self._able.relays is not None and class_of(event.kind) is KindClass.EPHEMERAL:
            return await self._able.relays.relay(event)
        return await self._able.host.add(event)


def _said(known: Known) -> str:
    accepted, message = _SAID[known]
    if not accepted:
        raise _Refused(message)
    return message


def _check_embedded(event: FrozenEvent) -> None:
    """Refuse a repost of an event with a ``-`` tag, or of what cannot be read."""
    if not event.content.strip().startswith("{"):
        return
    try:
        embedded = orjson.loads(event.content)
    except orjson.JSONDecodeError:
        raise _Refused("invalid: the content of a repost is the JSON of an event") from None
    tags = embedded.get("tags")
    if isinstance(tags, list) and any(isinstance(tag, list) and tag[:1] == ["-"] for tag in tags):
        raise _Refused("blocked: a protected event is not to be reposted (NIP-70)")
