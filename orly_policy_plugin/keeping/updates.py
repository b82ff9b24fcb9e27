"""Signed events that change the policy (sections 8 and 9 of the spec)."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

import attrs

from orly_policy_hookspecs import POLICY_EVENT_KIND, Decision, Event
from orly_policy_hookspecs.logs import get_log

from ..authority import verify
from ..authority.fitting import check_fits
from ..authority.policy_events import (
    RefusedUpdate,
    Update,
    check_genuine,
    check_sender,
    read_update,
)
from ..authority.withdrawals import withdrawn_by
from ..errors import PolicyError
from ..policy import InvalidPolicy, Problem
from ..scripts import check_scripts, known_scripts
from ..state.atomic import UnwritableFile
from ..state.differences import write_difference
from ..state.freshness_file import raise_freshness
from ..state.history import History, How
from ..state.locks import Held
from ..state.policy_mark import with_mark
from ..state.replacing import replace_policy
from ..state.signed_events import Withdrawal, event_json, mark_withdrawn, write_event
from ..state.standing import Standing, contribution_in
from .change_thread import ADMINS, OWNERS_FIRST, Change, ChangeThread, Request
from .in_force import Commit, InForce, history_entry

log = get_log(__name__)

_UNWRITABLE: Final = "error: the policy file cannot be written"
_NOT_GENUINE: Final = Decision.reject("invalid: the id or the signature is wrong")


class Updates:
    """Applies owners' policies and admins' contributions, and withdraws these.

    What a stranger sends costs a check of its signature, and waits for nobody: only what its
    author may send, and has not sent before, gets to the thread on which changes are made.
    """

    def __init__(self, force: InForce, thread: ChangeThread) -> None:
        self._force = force
        self._thread = thread

    async def apply(self, event: Event) -> Decision:
        """Apply a policy event (kind 12345), or withdraw what a kind 5 names; or say why not. All
        or nothing, also where whoever waits is told to wait no more: see :class:`.Request`.
        """
        is_policy_event = event.kind == POLICY_EVENT_KIND
        try:
            is_owner = self._check(event) if is_policy_event else self._check_withdrawal(event)
        except RefusedUpdate as error:
            return Decision.reject(str(error))
        ready = self._update_ready if is_policy_event else self._withdrawal_ready
        return await self._thread.make(
            self._change(event, ready),
            rank=OWNERS_FIRST if is_owner else ADMINS,
            whose=event.pubkey,
        )

    def names_contribution(self, event: Event) -> bool:
        """Whether a kind 5 would withdraw something: then it is for :meth:`apply`, too."""
        return bool(withdrawn_by(event, self._force.standing.authors, self._force.standing.owners))

    # --- at once

    def _check(self, event: Event) -> bool:
        """Whether an owner sends it. :raises RefusedUpdate: it can be told already."""
        check_genuine(event)
        return self._check_sender(event, self._force.standing)

    def _check_sender(self, event: Event, standing: Standing) -> bool:
        return check_sender(
            event,
            now=int(self._force.clock()),
            owners=standing.owners,
            admins=standing.policy.policy_admins,
            relay_urls=self._force.settings.relay_urls,
            require_relay_tag=self._force.settings.require_relay_tag,
            freshness=standing.freshness,
        )

    def _check_withdrawal(self, event: Event) -> bool:
        if not verify(event):
            raise RefusedUpdate(_NOT_GENUINE.message)
        self._named(event, self._force.standing)
        return event.pubkey in self._force.standing.owners

    def _named(self, event: Event, standing: Standing) -> tuple[str, ...]:
        named = withdrawn_by(event, standing.authors, standing.owners)
        if not named:
            raise RefusedUpdate("blocked: none of your contributions is named")
        return named

    # --- on the thread

    def _change(self, event: Event, ready: Callable[[Event, Request, Standing], Commit]) -> Change:
        """The change that an event makes, with what is wrong with it as the answer."""

        def change(request: Request) -> Decision:
            try:
                return self._force.make_change(partial(ready, event, request))
            except RefusedUpdate as error:
                return Decision.reject(str(error))
            except InvalidPolicy as error:
                return Decision.reject(str(RefusedUpdate.for_content(error)))
            except PolicyError as error:
                return _not_written(error)

        return change

    def _update_ready(self, event: Event, request: Request, base: Standing) -> Commit:
        is_owner = self._check_sender(event, base)
        scripts = known_scripts(base.policy, self._force.folders.scripts_from)
        update = read_update(event, is_owner=is_owner, known_scripts=scripts)
        if is_owner:
            return self._policy_ready(update, request, base)
        return self._contribution_ready(event, update, request, base)

    def _policy_ready(self, update: Update, request: Request, base: Standing) -> Commit:
        assert update.document is not None
        content = with_mark(update.document, update.mark, update.author)
        new = base.under(content, self._force.settings.owners)
        self._check_scripts(new)
        snapshot = self._force.compiled(new)

        def commit(held: Held) -> Decision:
            now, version = int(self._force.clock()), self._force.snapshot.version
            how: How = "event" if base.came_in else "hand edit"
            request.begin_to_write()
            problems = replace_policy(
                self._force.folders,
                history_entry(new, snapshot.version, now, "event"),
                standing=history_entry(base, version, now, how),
                seen=new.freshness,
                held=held,
            )
            self._force.warn((*new.problems, *problems))
            self._force.swap(new, snapshot)
            return Decision.accept(f"policy updated: version {snapshot.version}")

        return commit

    def _check_scripts(self, new: Standing) -> None:
        """What is wrong with a file of this machine is for the log, not for the client."""
        try:
            check_scripts(new.policy, self._force.folders.scripts_from)
        except InvalidPolicy as error:
            told = "; ".join(map(str, error.problems))
            log.warning("a policy event names scripts that cannot be run: %s", told)
            what = "cannot be run; the relay's log says why"
            raise InvalidPolicy(Problem(each.place, what) for each in error.problems) from error

    def _contribution_ready(
        self, event: Event, update: Update, request: Request, base: Standing
    ) -> Commit:
        contribution = contribution_in(event, update.content, base.policy, base.owners)
        check_fits(contribution, base.policy, owners=base.owners, standing=base.contributions)
        new = base.with_contribution(contribution)
        snapshot = self._force.compiled(new)
        folders = self._force.folders

        def commit(held: Held) -> Decision:
            request.begin_to_write()
            if contribution.is_full_policy:
                write_difference(folders.contributions, contribution)
            write_event(folders.contributions, event.id, event_json(event))  # now it counts
            try:
                raise_freshness(folders.history, new.freshness, held)
                self._record(new, snapshot.version, event, held)
                self._withdraw(_replaced_by(event.id, new), new, by=event.id)
            except PolicyError as error:
                self._force.warn((Problem("", f"a contribution is in force, but: {error}"),))
            self._force.swap(new, snapshot)
            what = "adds nothing" if contribution.adds_nothing else "contribution accepted"
            return Decision.accept(f"{what}: version {snapshot.version}")

        return commit

    def _withdrawal_ready(self, event: Event, request: Request, base: Standing) -> Commit:
        named = self._named(event, base)
        # What they replaced goes with them, should a crash have left it.
        gone = [*(old for each in named for old in _replaced_by(each, base)), *named]
        new = base.without(frozenset(gone))
        snapshot = self._force.compiled(new)

        def commit(held: Held) -> Decision:
            request.begin_to_write()
            raise_freshness(self._force.folders.history, base.freshness, held)
            self._withdraw(gone, base, by=event.id)
            try:
                self._record(new, snapshot.version, event, held)
            except PolicyError as error:
                self._force.warn((Problem("", f"a contribution is withdrawn, but: {error}"),))
            self._force.swap(new, snapshot)
            return Decision.accept(f"contribution withdrawn: version {snapshot.version}")

        return commit

    def _record(self, new: Standing, version: str, event: Event, held: Held) -> None:
        """Keep in the history who changed what stands beside the file, and by which event."""
        entry = history_entry(new, version, int(self._force.clock()), "event")
        entry = attrs.evolve(entry, author=event.pubkey, event_id=event.id)
        History(self._force.folders.history).record(entry, held)

    def _withdraw(self, event_ids: Iterable[str], standing: Standing, *, by: str) -> None:
        for event_id in event_ids:
            known = standing.known[event_id]
            remembered = Withdrawal(author=known.author, created_at=known.created_at, by=by)
            mark_withdrawn(self._force.folders.contributions, event_id, remembered)


def _replaced_by(event_id: str, standing: Standing) -> tuple[str, ...]:
    """An admin's full policy takes the place of her earlier ones, for good."""
    fulls = [one for one in standing.all_contributions if one.is_full_policy]
    return tuple(
        other.event_id
        for new in fulls
        for other in fulls
        if new.event_id == event_id
        and new.admin == other.admin
        and (other.created_at, other.event_id) < (new.created_at, new.event_id)
    )


def _not_written(error: PolicyError) -> Decision:
    log.error("a policy event could not be applied: %s", error)
    if isinstance(error, UnwritableFile):
        return Decision.reject(_UNWRITABLE)
    return Decision.reject("error: the policy cannot be changed now")
