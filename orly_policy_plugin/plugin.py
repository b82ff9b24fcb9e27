"""The engine as a plugin: the hooks, a thin shell over the policy in force."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Final

import attrs

from orly_policy_hookspecs import Context, Decision, Event, Gate, StartContext, hookimpl
from orly_policy_hookspecs.limits import RelayLimits
from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import Address, kinds
from orly_policy_hookspecs.reading import ReadScopes

from .decisions import Follows, Scopes, Snapshot, limits_of
from .desk.desk import NAME as DESK
from .desk.desk import Desk
from .hazards import hazards_of_files
from .live import (
    OWNERS_FIRST,
    ChangeThread,
    FollowLists,
    InForce,
    Listener,
    NamedLists,
    NextStart,
    OperatorsFile,
    Status,
    Updates,
    Watching,
    replace_policy,
)
from .pending import PendingDecisions, failure_denies
from .plugins import PluginsOfGate
from .policy import Policy, scripts_of
from .policy.fields import Access
from .rates import Exchange, RateLimiter, Rates
from .scripts import Scripts
from .settings import Settings
from .state import PolicyState, Store
from .stores import open_store, shared_rates, store_of_node

NAME: Final = "orly-policy"
"""The engine's name as a plugin, and the source of its decisions."""

log = get_log(__name__)

_OUR_FAULT = Decision.reject("error: the policy could not be evaluated").attributed(NAME)


class PolicyPlugin:
    """The policy engine: enforces one policy file and follows its changes.

    Decisions may be asked for from any thread; each reads the snapshot in force once, and a swap
    replaces it whole.

    :raises InvalidPolicy: with every problem of the policy file.
    :raises PolicyError: the file, or what is kept beside it, cannot be read.
    """

    changes_no_event: Final = True
    """For the gate: this plugin may be given the host's own events."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store | None = None,
        rates: Rates | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """:param store: what keeps the policy; what the settings name where ``None``.
        :param rates: what keeps who has written how much; this process's memory where ``None``.
        :param clock: Unix seconds.
        """
        self._clock = clock
        self._file: OperatorsFile | None = None
        self._exchange: Exchange | None = None
        if store is None and settings.store is not None:
            content = OperatorsFile.read(settings)
            store = shared = store_of_node(settings, of_file=content, clock=clock)
            self._file = OperatorsFile(settings, shared, content)
            if rates is None and settings.rates == "shared":
                rates, self._exchange = shared_rates(settings, shared)
        self._force = _in_force(settings, store or open_store(settings), clock, self._file)
        self._watching = Watching(self._force)
        self._changes = ChangeThread()
        self._updates = Updates(self._force, self._changes)
        self._follow_lists = FollowLists(self._force, self._changes)
        self._next_start = NextStart(self._force, self._follow_lists)
        self.scripts = Scripts(
            self._force.scripts_from,
            timeout_seconds=settings.script_timeout_seconds,
            pass_environment=settings.script_environment,
        )
        """The scripts that the policy names: their status, pausing and resuming them."""
        self._pending = PendingDecisions(
            self.scripts,
            RateLimiter(settings.rate_keys) if rates is None else rates,
            clock,
            failure_denies=failure_denies(
                write=settings.script_failure_write, read=settings.script_failure_read
            ),
            criterion_seconds=settings.criterion_timeout_seconds,
        )
        self._submitter = settings.submitter
        self._use_scripts(self.snapshot)
        self._named_lists = NamedLists(self._force, self._next_start.look_soon)
        self._force.before_telling = self._use_files
        self._missing_plugins = settings.missing_plugins
        self._gate: Gate | None = None
        self.asked_reads: Callable[[Scopes], ReadScopes] | None = None
        """Makes of what is known of a reader's reads what is to be asked all the same."""

    @classmethod
    def load(
        cls, path: Path | str, *, clock: Callable[[], float] = time.time, **settings: Any
    ) -> "PolicyPlugin":
        """Read a policy file. It is watched once :meth:`start` is called.

        :param settings: see :class:`.Settings`. The environment is not looked at.
        :raises PolicyError: like the constructor.
        """
        return cls(Settings(path=Path(path), **settings), clock=clock)

    @property
    def snapshot(self) -> Snapshot:
        """The policy in force."""
        return self._force.snapshot

    @property
    def status(self) -> Status:
        """The version in force, what is wrong with the file, and why a relay would not start again
        with it, which are empty where all is well; and its named lists.
        """
        return self._force.status

    @property
    def state(self) -> PolicyState:
        """All that is kept of the policy in force: where it came from, its contributions and
        follow lists.
        """
        return self._force.state

    @property
    def settings(self) -> Settings:
        """What it was made with."""
        return self._force.settings

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with the old and the new snapshot after every swap, in their order and
        on a thread of its own.
        """
        self._force.listeners.add(listener)

    def start(self) -> None:
        """Follow the policy file, the folders beside it and the files of named lists from now on;
        what has changed since they were read counts. The scripts that it names are started.

        Starts threads: in a server that forks, call it in each worker.
        """
        self.scripts.start()
        self._next_start.start()
        self._named_lists.start()
        self._watching.start()
        if self._file is not None:
            self._file.start(self._force)
        if self._exchange is not None:
            self._exchange.start()

    def stop(self) -> None:
        """Stop following them, and end the scripts, which takes up to two seconds. Decisions go
        on; those that need a script deny.
        """
        if self._exchange is not None:
            self._exchange.stop()
        if self._file is not None:
            self._file.stop()
        self._watching.stop()
        self._named_lists.stop()
        self._changes.stop()
        self._next_start.stop()
        self.scripts.stop()
        self._force.store.close()

    def replace_policy(self, policy: Policy | bytes) -> Snapshot:
        """Put a policy into the policy file and in force, as if the operator had edited it.

        It is checked first, as it would be when it is loaded. Then it replaces the file whole,
        the old file goes into the history, and policy events that are older than now are
        refused from then on. A file that was no policy is kept in ``policy-history`` as
        ``unusable-<time>-<hash>.json``. Called with the policy that is in
        the file, it changes nothing.

        Waits for the lock and for the disk: from an event loop call it by
        ``asyncio.to_thread``.

        :param policy: a file's content, which is written as it is, or a policy.
        :return: the snapshot that is in force now.
        :raises InvalidPolicy: with every problem of it; nothing has changed.
        :raises PolicyError: it cannot be written, or another process holds the lock for too long;
            nothing has changed.
        """
        return replace_policy(self._force, policy)

    def _use_files(self, snapshot: Snapshot) -> None:
        self._use_scripts(snapshot)
        self._named_lists.follow()

    def _use_scripts(self, snapshot: Snapshot) -> None:
        self.scripts.use({script for _, script in scripts_of(snapshot.policy)})

    # --- follow lists

    def required_follow_lists(self) -> frozenset[str]:
        """The authors whose follow lists (kind 3) the policy needs now, and those that are worth
        keeping (section 7 of the spec). Ask at start and after every swap, and feed what the relay
        has stored to the gate's ``kind3``.
        """
        return self._follow_lists.needed_lists.kept

    def missing_follow_lists(self) -> frozenset[str]:
        """The authors whose lists decide something and are not known: they grant nobody."""
        return self._follow_lists.missing_lists

    def unknown_follow_lists(self) -> frozenset[str]:
        """The authors of :meth:`required_follow_lists` whose lists are not known."""
        return self._follow_lists.unknown_lists

    def check_follow_lists(self) -> None:
        """At start, when the host has fed what it has.

        :raises MissingFollowLists: with the authors named; a warning only, where the settings
            say so, or where an event or a contribution asked for them.
        """
        self._follow_lists.check_follow_lists()

    def followed_by(self, authors: Iterable[str]) -> frozenset[str]:
        """Whom one of these follows, by the follow lists that count now.

        :param authors: 64 lowercase hex characters each; one whose list is not known follows
            nobody.
        """
        return self._follow_lists.followed_by(authors)

    def set_follows(self, follows: Follows | None) -> None:
        """Use these follow lists (author to the pubkeys that the author follows) in the place of
        those that were learned; ``None`` goes back to those.
        """
        self._follow_lists.give_follows(follows)

    # --- the relay's life

    @hookimpl
    def on_registered(self, gate: Gate) -> None:
        """Hand the other plugins their settings.

        :raises InvalidPolicy: the policy does not fit them.
        """
        self._gate = gate
        self._force.use_plugins(PluginsOfGate(gate, self, missing=self._missing_plugins))

    @hookimpl
    def on_unregistered(self) -> None:
        """Decide without the criteria of a plugin that is gone, which are asked no more already:
        rules that have one deny.
        """
        if self._gate is not None:
            criteria = self._gate.criteria
            self._changes.begin(lambda: self._force.use_criteria(criteria), rank=OWNERS_FIRST)

    @hookimpl
    def on_start(self, context: StartContext) -> None:
        """The relay wants to know of every swap. It asks for the needed lists then, on its event
        loop: they are made out before, here on the listeners' thread.
        """

        def tell(*_: Snapshot) -> None:
            self.needed_lists()
            context.changed()

        self.listen(tell)

    @hookimpl
    def needed_lists(self) -> frozenset[Address]:
        """The lists of people that the policy needs now (sections 7 and 14 of the spec): those of
        :meth:`required_follow_lists`, and the authors' lists that it names.
        """
        return self._follow_lists.addresses

    @hookimpl
    def on_open(self) -> None:
        """Check that what is needed is there, and follow the policy file.

        :raises MissingFollowLists: see :meth:`check_follow_lists`.
        """
        self.check_follow_lists()
        self.start()
        path, version = self.status.path, self.status.version
        log.info("worker %d: policy version %s is in force, of %s", os.getpid(), version, path)
        for hazard in hazards_of_files(
            Path(path), self.settings.state_folder or Path(path).parent
        ):
            log.warning("%s", hazard)

    @hookimpl
    async def on_stop(self) -> None:
        """See :meth:`stop`."""
        await asyncio.to_thread(self.stop)

    @hookimpl
    def relay_limits(self) -> RelayLimits:
        """The limits for NIP-11 (section 11 of the spec)."""
        return limits_of(self.snapshot)

    @hookimpl
    def read_scopes(self, context: Context) -> ReadScopes:
        """The kinds that a reader may read, as far as no event is needed to tell."""
        keys = () if self._submitter == "author" else context.authenticated
        scopes = self.snapshot.readers.scopes(keys)
        return scopes if self.asked_reads is None else self.asked_reads(scopes)

    # --- hooks

    @hookimpl
    def on_write(self, event: Event, context: Context) -> Decision | Awaitable[Decision]:
        """Decide a write (sections 2 to 6 of the spec): at once, unless a script is asked, or
        the rates are kept elsewhere.
        """
        try:
            if self._submitter != "authenticated":
                context = self._writing(event, context)
            snapshot = self._force.snapshot
            outcome = snapshot.write(event, context.authenticated, int(self._clock()))
            if isinstance(outcome, Decision):
                return outcome
            return self._pending.decide(outcome, event, "write", context)
        except Exception:
            log.exception("a write could not be decided")
            return _OUR_FAULT

    @hookimpl
    def on_read(self, event: Event, context: Context) -> Decision | Awaitable[Decision]:
        """Decide a read (sections 2 to 5 of the spec): at once, unless a script is to be asked."""
        try:
            if self._submitter == "author":
                context = attrs.evolve(context, authenticated=())
            snapshot = self._force.snapshot
            outcome = snapshot.read(event, context.authenticated, int(self._clock()))
            if isinstance(outcome, Decision):
                return outcome
            return self._pending.decide(outcome, event, "read", context)
        except Exception:
            log.exception("a read could not be decided")
            return _OUR_FAULT

    def submitters(self, access: Access, event: Event, context: Context) -> tuple[str, ...]:
        """The keys that count as those who ask (the setting ``submitter``)."""
        if access == "write":
            if self._submitter != "authenticated":
                context = self._writing(event, context)
            return context.authenticated
        return () if self._submitter == "author" else context.authenticated

    def _writing(self, event: Event, context: Context) -> Context:
        """The context of a write where the author may count as its submitter."""
        if context.authenticated and self._submitter == "authenticated-or-author":
            return context
        return attrs.evolve(context, authenticated=(event.pubkey,))

    @hookimpl
    async def on_kind3(self, event: Event, context: Context) -> None:
        """Take a follow list (section 7 of the spec)."""
        await self._follow_lists.take(event)

    @hookimpl
    async def on_list_event(self, event: Event, context: Context) -> None:
        """Take another list of people (section 14 of the spec)."""
        await self._follow_lists.take(event)

    @hookimpl
    async def on_policy_event(self, event: Event, context: Context) -> Decision | None:
        """Apply a policy event, or withdraw contributions (sections 8 and 9 of the spec)."""
        if event.kind == kinds.DELETION and not self._updates.names_contribution(event):
            return None
        return await self._updates.apply(event)


def _in_force(
    settings: Settings, store: Store, clock: Callable[[], float], file: OperatorsFile | None
) -> InForce:
    try:
        if file is None:
            if not store.has_policy():
                store.read_policy()  # raises, before a folder is made for what is kept
            return InForce(settings, store, clock)
        return InForce(settings, store, clock, file.first_policy)
    except BaseException:
        store.close()
        raise


def register(gate: Gate, settings: Settings) -> PolicyPlugin | None:
    """Load the policy and register the engine with a gate, and its desk; ``None`` where it is
    switched off.

    :raises PolicyError: the policy cannot be used.
    """
    if not settings.enabled:
        log.warning("ORLY_POLICY_ENABLED is false: no policy is enforced")
        return None
    plugin = PolicyPlugin(settings)
    gate.register(plugin, NAME)
    if settings.desk.is_open or settings.desk.log is not None:
        gate.register(Desk(plugin, settings.desk, clock=time.time), DESK)
    return plugin
