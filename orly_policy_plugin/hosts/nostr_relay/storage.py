"""nostr-relay's storages with the gate before them, for SQL and for LMDB."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import nullcontext
from typing import Any, Final

import attrs
import sqlalchemy as sa
from aionostr.event import Event
from nostr_relay.auth import Action
from nostr_relay.config import Config
from nostr_relay.errors import AuthenticationError, StorageError
from nostr_relay.storage.db import DBStorage, event_from_tuple
from nostr_relay.storage.kv import LMDBStorage

from orly_policy_hookspecs import POLICY_EVENT_KIND, Context, Gate, malformed, nip01
from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import kinds

from ...authority import has_right_id, verify
from ...errors import PolicyError
from ...plugin import PolicyPlugin
from .connection import current_connection, current_context, shown_id
from .feeding import FollowListFeeder
from .filters import closed_for_want_of_auth, wrong_request
from .lmdb_writer import LMDBWriter
from .migrations import migrate
from .refusals import NotStored, Refused, Shadowed, Superseded
from .replaceable import Address, Locks, address, newer
from .storable import unstorable, unstorable_in_lmdb
from .subscription import PolicyDBSubscription, PolicyLMDBSubscription

OPTION: Final = "orly_policy"
"""The storage option under which :func:`.app.create_app` hands over the :class:`Guard`."""

_TIMESTAMPS: Final = 2**32
"""LMDB keeps ``created_at`` in four bytes, and nostr-relay takes 0 for now."""
_EVENTS_BETWEEN_YIELDS: Final = 128
_LONG_QUERY_SECONDS: Final = 1.0
_NEWER_STORED: Final = "duplicate: a newer version is stored already"

log = get_log(__name__)


@attrs.define
class Guard:
    """What a storage asks."""

    gate: Gate
    engine: PolicyPlugin | None
    """The policy engine, if it is switched on."""
    why_not_started: PolicyError | None = None
    """Why the storage could not be set up, where that is the operator's to mend."""


class _PolicyStorage:
    """What both storages share. Mixed in before nostr-relay's own."""

    clients: Any
    check_output: Any
    notifier: Any

    def __init__(self, options: dict[str, Any]) -> None:
        try:
            self._guard: Guard = options.pop(OPTION)
        except KeyError:
            raise StorageError(
                "this storage is served by orly_policy_plugin.hosts.nostr_relay.create_app alone"
            ) from None
        self._versions = Locks()
        self._tasks: set[asyncio.Task[None]] = set()
        self._feeder: FollowListFeeder | None = None
        super().__init__(options)  # type: ignore[call-arg]
        self._validate_as_configured = self.validate_event  # type: ignore[has-type]
        self.validate_event = self._validate

    async def setup(self) -> None:
        """Open the storage, feed the engine what is stored, and watch the policy file from this
        process.
        """
        await super().setup()  # type: ignore[misc]
        engine = self._guard.engine
        if engine is None:
            return
        self._feeder = FollowListFeeder(self, self._guard.gate, engine)
        try:
            await self._feeder.start()
        except PolicyError as error:
            self._guard.why_not_started = error
            raise
        engine.start()

    async def close(self) -> None:
        """Stop watching, end the scripts, and close."""
        if self._feeder is not None:
            self._feeder.stop()
        if self._guard.engine is not None:
            await asyncio.to_thread(self._guard.engine.stop)
        await super().close()  # type: ignore[misc]

    # --- writing

    async def add_event(
        self, event_json: Any, auth_token: dict[str, Any] | None = None
    ) -> tuple[Event, bool]:
        """Take an event: store it, or say why not. The client's OK is left with its connection.

        :raises Refused: the event is not accepted.
        """
        try:
            event, message = await self._take(event_json, auth_token)
        except Refused as refusal:
            _answer(shown_id(event_json), accepted=False, message=str(refusal))
            log.info("refused %s: %s", shown_id(event_json), refusal)
            raise
        _answer(event.id, accepted=True, message=message)
        return event, True

    async def _take(self, event_json: Any, auth_token: dict[str, Any] | None) -> tuple[Event, str]:
        """Store an event and return it with the OK's message."""
        event = _event(event_json)
        if event.kind == POLICY_EVENT_KIND:
            return event, await self._take_policy_event(event)
        withdrawn = await self._withdrawn_by(event)
        place = address(event)
        try:
            async with self._versions.lock(place) if place else nullcontext():
                added = await self._store(event, event_json, auth_token)
        except Shadowed:
            return event, ""
        except Superseded:
            return event, _NEWER_STORED
        return event, withdrawn if added else "duplicate: stored already"

    async def _withdrawn_by(self, event: Event) -> str:
        """A deletion that names a contribution withdraws it, whatever the rules say of kind 5;
        they decide only whether the deletion itself is stored.
        """
        if event.kind != kinds.DELETION or not verify(event):
            return ""
        decision = await self._guard.gate.withdrawal(event, current_context())
        if decision is None:
            return ""
        log.info("%s: %s", event.id, decision.message)
        return decision.message if decision.accepted else ""

    async def _take_policy_event(self, event: Event) -> str:
        decision = await self._guard.gate.policy_event(event, current_context())
        if not decision.accepted:
            raise Refused(decision.message)
        return decision.message

    async def _store(
        self, event: Event, event_json: Any, auth_token: dict[str, Any] | None
    ) -> bool:
        """Validate and store; whether it is new. nostr-relay's errors are made refusals."""
        try:
            return await self._validate_and_store(event, event_json, auth_token)
        except NotStored:
            raise
        except (StorageError, AuthenticationError) as error:
            raise Refused(str(error).replace("rejected:", "blocked:", 1)) from error
        except Exception as error:
            log.exception("an event could not be stored")
            raise Refused("error: the event could not be stored") from error

    async def _validate_and_store(
        self, event: Event, event_json: Any, auth_token: dict[str, Any] | None
    ) -> bool:
        raise NotImplementedError

    async def _validate(self, event: Event, config: Any) -> None:
        """The validators of nostr-relay's configuration, then the gate."""
        await self._validate_as_configured(event, config)
        decision = await self._guard.gate.write(event, current_context())
        if decision.shadowed:
            raise Shadowed
        if not decision.accepted:
            raise Refused(decision.message)
        place = address(event)
        if place and await self._has_newer(place, event):
            raise Superseded

    async def _has_newer(self, place: Address, event: Event) -> bool:
        author, kind, _ = place
        # Without ``since``: with it LMDB finds nothing of an author whose key begins with 00,
        # as nostr-relay compares the beginning of the key with the time.
        stored = self.run_single_query([{"authors": [author], "kinds": [kind]}])  # type: ignore[attr-defined]
        return any([address(other) == place and newer(other, event) async for other in stored])

    # --- reading

    async def subscribe(
        self, client_id: Any, sub_id: str, filters: list[Any], queue: Any, **kwargs: Any
    ) -> None:
        """Serve a REQ, or answer it CLOSED with the reason."""
        problem = wrong_request(sub_id, filters) or self._closed_to_all(filters)
        if problem is None:
            try:
                await super().subscribe(client_id, sub_id, filters, queue, **kwargs)  # type: ignore[misc]
                return
            except (StorageError, AuthenticationError) as error:
                problem = str(Refused(str(error).replace("rejected:", "blocked:", 1)))
            except Exception:
                log.exception("a REQ could not be served")
                problem = "error: the REQ could not be served"
        if sub_id:  # without one, nostr-relay ends all subscriptions of the client
            await self.unsubscribe(client_id, sub_id)  # type: ignore[attr-defined]
        connection = current_connection.get()
        if connection is not None:
            await connection.send(["CLOSED", sub_id[:64], problem])

    def _closed_to_all(self, filters: list[Any]) -> str | None:
        context = current_context()
        if context.authenticated:
            return None
        return closed_for_want_of_auth(self._guard.gate.read_scopes(context), filters)

    async def readable(
        self, events: Sequence[Event], reader: Context, subscription: Any
    ) -> list[Event]:
        """Those events that the reader may be given and that are what their id says."""
        authentic = []
        for i, event in enumerate(events, 1):
            if has_right_id(event):
                authentic.append(event)
            if i % _EVENTS_BETWEEN_YIELDS == 0:
                await asyncio.sleep(0)
        decisions = await self._guard.gate.reads(authentic, reader)
        accepted = [
            event
            for event, decision in zip(authentic, decisions, strict=True)
            if decision.accepted
        ]
        if self.check_output is None:
            return accepted
        return [event for event in accepted if self._passes_output_validator(event, subscription)]

    def _passes_output_validator(self, event: Event, subscription: Any) -> bool:
        """nostr-relay's own ``output_validator``, where one is configured."""
        token = getattr(subscription, "auth_token", None)
        client = getattr(subscription, "client_id", None)
        context = {"config": Config, "client_id": client, "auth_token": token}
        try:
            return bool(self.check_output(event, context))
        except Exception:
            log.exception("the output_validator failed")
            return False

    async def notify_all_connected(self, event: Event) -> None:
        """Announce a stored event in this process. Nobody waits for the readers' decisions."""
        if event.kind == kinds.FOLLOW_LIST:
            self._in_background(self._guard.gate.kind3(event, current_context()))
        for subscriptions in list(self.clients.values()):
            for subscription in list(subscriptions.values()):
                if subscription.check_event(event, subscription.filters):
                    self._in_background(subscription.notify(event))

    async def notify_other_processes(self, event: Event) -> None:
        """Announce a stored event to the other workers, once nostr-relay has connected them."""
        if self.notifier is not None and self.notifier.writer is not None:
            self._in_background(self.notifier.notify(event))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class PolicyDBStorage(_PolicyStorage, DBStorage):  # type: ignore[misc]
    """SQL storage behind the gate."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.subscription_class = PolicyDBSubscription

    async def setup(self) -> None:
        """Bring the schema up to date, and open."""
        await asyncio.to_thread(migrate, self.db_url)
        await super().setup()

    async def _validate_and_store(
        self, event: Event, event_json: Any, auth_token: dict[str, Any] | None
    ) -> bool:
        fields = {name: event_json[name] for name in nip01.FIELDS}
        _, added = await DBStorage.add_event(self, fields, auth_token=auth_token)
        return bool(added)

    async def find(self, query: Any, took_long: Callable[[float], None]) -> list[Event]:
        """The events that a query finds. nostr-relay's own switches threads for each row.

        :param took_long: told how many seconds a slow query took.
        """
        began = time.monotonic()
        async with self.query_slot, self.db.connect() as conn:
            rows = await conn.execute(query)
            found: list[Event] = []
            while some := rows.fetchmany(_EVENTS_BETWEEN_YIELDS):
                found += map(event_from_tuple, some)
                await asyncio.sleep(0)
        if (seconds := time.monotonic() - began) > _LONG_QUERY_SECONDS:
            took_long(seconds)
        return found

    async def pre_save(self, conn: Any, event: Event) -> bool:
        """Delete the versions that the event replaces."""
        if place := address(event):
            column = self.EventTable.c
            versions = await conn.execute(
                sa.select(self.EventTable).where(
                    (column.pubkey == bytes.fromhex(event.pubkey)) & (column.kind == event.kind)
                )
            )
            for other in map(event_from_tuple, versions):
                if address(other) == place and newer(event, other):
                    replaced = column.id == other.id_bytes
                    await conn.execute(self.EventTable.delete().where(replaced))
        return True


class PolicyLMDBStorage(_PolicyStorage, LMDBStorage):  # type: ignore[misc]
    """LMDB storage behind the gate."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.subscription_class = PolicyLMDBSubscription

    async def setup(self) -> None:
        """Open, and start the thread that writes."""
        await super().setup()
        self._writer = LMDBWriter(self.db)

    async def close(self) -> None:
        """Write what is waiting, and close."""
        await self._writer.close()
        await super().close()

    async def _validate_and_store(
        self, event: Event, event_json: Any, auth_token: dict[str, Any] | None
    ) -> bool:
        """nostr-relay's own queues the event, takes and announces duplicates again, never learns
        that writing failed, and asks nobody's role.
        """
        if problem := unstorable_in_lmdb(event):
            raise Refused(f"invalid: {problem}")
        await self._validate(event, Config)
        if not await self.authenticator.can_do(auth_token, Action.save.value, event):
            raise AuthenticationError("restricted: permission denied")
        if not event.is_ephemeral and not await self._writer.write(event):
            return False
        await self.post_save(event)
        return True


def _event(event_json: Any) -> Event:
    """nostr-relay's event of a client's JSON value.

    :raises Refused: it is no event.
    """
    if problem := malformed(event_json):
        raise Refused(f"invalid: {problem}")
    if not 0 < event_json["created_at"] < _TIMESTAMPS:
        raise Refused(f"invalid: created_at is not between 1 and {_TIMESTAMPS - 1}")
    if event_json["kind"] == kinds.AUTHENTICATION:
        raise Refused("invalid: kind 22242 is sent as AUTH, not as EVENT")
    event = Event(**{name: event_json[name] for name in nip01.FIELDS})
    if problem := unstorable(event):
        raise Refused(f"invalid: {problem}")
    return event


def _answer(event_id: str, *, accepted: bool, message: str) -> None:
    connection = current_connection.get()
    if connection is not None:
        connection.answer = event_id, accepted, message
