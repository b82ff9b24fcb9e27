"""Signed events that change the policy (sections 8 and 9 of SPEC.md)."""

from collections.abc import Iterable
from typing import Final

import attrs

from orly_policy_hookspecs import Decision, Event
from orly_policy_hookspecs.logs import get_log

from ..authority import verify
from ..authority.fitting import check_fits
from ..authority.policy_events import RefusedUpdate, Update, examine
from ..authority.withdrawals import withdrawn_by
from ..errors import PolicyError
from ..policy import InvalidPolicy, Problem
from ..scripts import check_scripts, known_scripts
from ..state.atomic import UnwritableFile
from ..state.differences import write_difference
from ..state.freshness_file import raise_freshness
from ..state.history import History
from ..state.locks import Held, exclusive
from ..state.policy_mark import with_mark
from ..state.replacing import replace_policy
from ..state.signed_events import Withdrawal, event_json, mark_withdrawn, write_event
from ..state.standing import Standing, contribution_in
from .in_force import InForce, history_entry

log = get_log(__name__)

_UNWRITABLE: Final = "error: the policy file cannot be written"


class Updates:
    """Applies owners' policies and admins' contributions, and withdraws these."""

    def __init__(self, force: InForce) -> None:
        self._force = force

    def apply(self, event: Event) -> Decision:
        """Apply a policy event (kind 12345), or say why not. All or nothing."""
        with self._force.change():
            try:
                self._examine(event, self._force.standing)  # before anybody waits for a lock
                with exclusive(self._force.folders.lock_file) as held:
                    standing = self._force.on_disk(held)
                    update = self._examine(event, standing)
                    if update.is_owner:
                        return self._apply_policy(update, standing, held)
                    return self._apply_contribution(event, standing, held)
            except RefusedUpdate as error:
                return Decision.reject(str(error))
            except InvalidPolicy as error:
                return Decision.reject(str(RefusedUpdate.for_content(error)))
            except PolicyError as error:
                return _not_written(error)

    def _examine(self, event: Event, standing: Standing) -> Update:
        return examine(
            event,
            now=int(self._force.clock()),
            owners=standing.owners,
            admins=standing.policy.policy_admins,
            relay_urls=self._force.settings.relay_urls,
            require_relay_tag=self._force.settings.require_relay_tag,
            freshness=standing.freshness,
            known_scripts=known_scripts(standing.policy, self._force.folders.scripts_from),
        )

    def _apply_policy(self, update: Update, standing: Standing, held: Held) -> Decision:
        assert update.document is not None
        content = with_mark(update.document, update.mark, update.author)
        new = self._force.read(content)
        self._check_scripts(new)
        snapshot = self._force.compiled(new)
        now = int(self._force.clock())
        problems = replace_policy(
            self._force.folders,
            history_entry(new, now, "event"),
            standing=history_entry(standing, now, "event" if standing.came_in else "hand edit"),
            seen=standing.freshness.raised(new.freshness),
            held=held,
        )
        self._force.warn(problems)
        self._force.swap(new, snapshot)
        return Decision.accept(f"policy updated: version {snapshot.version}")

    def _check_scripts(self, new: Standing) -> None:
        """What is wrong with a file of this machine is for the log, not for the client."""
        try:
            check_scripts(new.policy, self._force.folders.scripts_from)
        except InvalidPolicy as error:
            log.warning("a policy event names scripts that cannot be run: %s", error)
            what = "cannot be run; the relay's log says why"
            raise InvalidPolicy(Problem(each.place, what) for each in error.problems) from error

    def _apply_contribution(self, event: Event, standing: Standing, held: Held) -> Decision:
        contribution = contribution_in(event, standing.policy, standing.owners)
        check_fits(
            contribution,
            standing.policy,
            owners=standing.owners,
            standing=standing.contributions,
        )
        new = standing.with_contribution(contribution)
        snapshot = self._force.compiled(new)
        if contribution.is_full_policy:
            write_difference(self._force.folders.contributions, contribution)
        folders = self._force.folders
        write_event(folders.contributions, event.id, event_json(event))  # now it counts
        try:
            raise_freshness(folders.history, new.freshness, held)
            self._record(new, event, held)
            self._withdraw(_replaced_by(event.id, new), new, by=event.id)
        except PolicyError as error:
            self._force.warn((Problem("", f"a contribution is in force, but: {error}"),))
        self._force.swap(new, snapshot)
        what = "adds nothing" if contribution.adds_nothing else "contribution accepted"
        return Decision.accept(f"{what}: version {snapshot.version}")

    def _record(self, new: Standing, event: Event, held: Held) -> None:
        """Keep in the history who changed what stands beside the file, and by which event."""
        entry = history_entry(new, int(self._force.clock()), "event")
        entry = attrs.evolve(entry, author=event.pubkey, event_id=event.id)
        History(self._force.folders.history).record(entry, held)

    def names_contribution(self, event: Event) -> bool:
        """Whether a kind 5 would withdraw something: then it is for :meth:`withdraw`, too."""
        return bool(withdrawn_by(event, self._force.standing.authors, self._force.standing.owners))

    def withdraw(self, event: Event) -> Decision:
        """Withdraw the contributions that a kind 5 names, if its author may."""
        if not verify(event):
            return Decision.reject("invalid: the id or the signature is wrong")
        with self._force.change():
            try:
                with exclusive(self._force.folders.lock_file) as held:
                    standing = self._force.on_disk(held)
                    ids = withdrawn_by(event, standing.authors, standing.owners)
                    raise_freshness(self._force.folders.history, standing.freshness, held)
                    for event_id in ids:  # what it replaced too, should a crash have left it
                        replaced = _replaced_by(event_id, standing)
                        self._withdraw((*replaced, event_id), standing, by=event.id)
                    new = self._force.read(standing.content)
                    if ids:
                        self._record(new, event, held)
                    self._force.swap_if_other(new)
                    version = self._force.snapshot.version
            except InvalidPolicy as error:
                return Decision.reject(str(RefusedUpdate.for_content(error)))
            except PolicyError as error:
                return _not_written(error)
        if not ids:
            return Decision.reject("blocked: none of your contributions is named")
        return Decision.accept(f"contribution withdrawn: version {version}")

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
