"""Signed events that change the policy (sections 8 and 9 of the spec)."""

from collections.abc import Callable
from functools import partial
from typing import Final

from orly_policy_hookspecs import POLICY_EVENT_KIND, Decision, Event
from orly_policy_hookspecs.logs import get_log

from ..authority import verify
from ..authority.policy_events import (
    RefusedUpdate,
    Update,
    check_genuine,
    check_sender,
    read_update,
)
from ..authority.withdrawals import withdrawn_by
from ..errors import PolicyError, Unreachable, Unwritable
from ..lists import UnreadableLists
from ..policy import InvalidPolicy, Problem
from ..scripts import known_scripts
from ..state import PolicyState
from ..state.changes import (
    Transition,
    admin_contribution,
    named_contributions,
    owner_policy,
    withdrawal,
)
from .change_thread import ADMINS, OWNERS_FIRST, ChangeThread, Request
from .in_force import InForce

log = get_log(__name__)

_UNWRITABLE: Final = "error: the policy file cannot be written"
_NOT_GENUINE: Final = Decision.reject("invalid: the id or the signature is wrong")

Propose = Callable[[PolicyState], Transition]


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
        or nothing, also where whoever waits is told to stop waiting: see :class:`.Request`.
        """
        try:
            if event.kind == POLICY_EVENT_KIND:
                check_genuine(event)
                is_owner = self._check_sender(event, self._force.state)
                propose = self._read_once(event)
            else:
                is_owner = self._check_withdrawal(event)
                propose = partial(withdrawal, event)
        except RefusedUpdate as error:
            return Decision.reject(str(error))
        return await self._thread.make(
            lambda request: self._make(propose, request),
            rank=OWNERS_FIRST if is_owner else ADMINS,
            whose=event.pubkey,
        )

    def names_contribution(self, event: Event) -> bool:
        """Whether a kind 5 would withdraw something: then it is for :meth:`apply`, too."""
        return bool(withdrawn_by(event, self._force.state.authors, self._force.state.owners))

    def _check_sender(self, event: Event, state: PolicyState) -> bool:
        """Whether an owner sends it.

        :raises RefusedUpdate: it is refused already.
        """
        return check_sender(
            event,
            now=int(self._force.clock()),
            owners=state.owners,
            admins=state.policy.policy_admins,
            relay_urls=self._force.settings.relay_urls,
            require_relay_tag=self._force.settings.require_relay_tag,
            freshness=state.freshness,
        )

    def _check_withdrawal(self, event: Event) -> bool:
        if not verify(event):
            raise RefusedUpdate(_NOT_GENUINE.message)
        named_contributions(event, self._force.state)
        return event.pubkey in self._force.state.owners

    def _make(self, propose: Propose, request: Request) -> Decision:
        """Make a change on the thread of changes, with what is wrong with it as the answer."""
        try:
            return Decision.accept(self._force.make_change(propose, request.begin_to_write))
        except RefusedUpdate as error:
            return Decision.reject(str(error))
        except UnreadableLists as error:
            untold = _untold(error, "lists that cannot be read")
            return Decision.reject(str(RefusedUpdate.for_content(untold)))
        except InvalidPolicy as error:
            return Decision.reject(str(RefusedUpdate.for_content(error)))
        except PolicyError as error:
            return _not_written(error)

    def _read_once(self, event: Event) -> Propose:
        """What a policy event proposes: it is read once, whatever states its change is made on;
        whether its author may make it now is checked on each.
        """
        read: dict[bool, Update] = {}

        def made_on(base: PolicyState) -> Transition:
            is_owner = self._check_sender(event, base)
            if is_owner not in read:
                read[is_owner] = read_update(event, is_owner=is_owner)
            return self.proposed(event, read[is_owner], base)

        return made_on

    def proposed(self, event: Event, update: Update, base: PolicyState) -> Transition:
        """The change that a policy event makes on a state.

        :raises RefusedUpdate, InvalidPolicy: it is refused.
        """
        if not update.is_owner:
            return admin_contribution(event, update, base)
        scripts = known_scripts(base.policy, self._force.scripts_from)
        made = owner_policy(
            event,
            update,
            base,
            owners=self._force.settings.owners,
            known_scripts=scripts,
            most_bytes=self._force.settings.largest_policy_bytes,
        )
        self._check_scripts(made.state)
        return made

    def _check_scripts(self, new: PolicyState) -> None:
        """Log what is wrong with a file of this machine, and do not tell the client."""
        try:
            self._force.check_scripts(new)
        except InvalidPolicy as error:
            raise _untold(error, "scripts that cannot be run") from error


def _untold(error: InvalidPolicy, what: str) -> InvalidPolicy:
    """Log what is wrong with files of this machine, and leave it out."""
    log.warning("a policy event names %s: %s", what, "; ".join(map(str, error.problems)))
    says = f"{what.partition(' that ')[2]}; the relay's log says why"
    places = dict.fromkeys(each.place for each in error.problems)
    return InvalidPolicy(Problem(place, says) for place in places)


def _not_written(error: PolicyError) -> Decision:
    log.error("a policy event could not be applied: %s", error)
    if isinstance(error, Unwritable) and not isinstance(error, Unreachable):
        return Decision.reject(_UNWRITABLE)
    return Decision.reject("error: the policy cannot be changed now")
