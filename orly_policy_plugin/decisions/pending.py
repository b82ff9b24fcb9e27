"""A pending decision: the criteria leave it to scripts, or to a rate.

Sections 5 and 6 of the spec. Nothing here asks or counts: whoever does hands the replies in.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import attrs

from orly_policy_hookspecs import Decision, Event

from ..event_size import event_size
from .conditions import Keys
from .rates import RateLimit
from .replies import Action, Reply

if TYPE_CHECKING:
    from .deciding import Plan

UNAVAILABLE: Final = "error: policy script unavailable"


@attrs.frozen
class NamedScript:
    """A script that a rule names."""

    place: str
    """The place in the policy file: ``rules.1.script``."""
    path: str
    """As it is written there."""
    grants: bool
    """Whether its accept grants: the kind's does, the global rule's says nothing."""


@attrs.frozen
class Pending:
    """A decision that no criterion has denied, and what it waits for."""

    scripts: tuple[NamedScript, ...]
    """The global rule's, then the kind's: the first that does not accept decides."""
    rates: tuple[RateLimit, ...]
    """To be charged, in one step, where the decision is to accept."""
    unopposed: Decision
    """The decision where every script accepts."""
    by_default: Decision
    """The answer of ``default_policy``: where it denies, so does a script's failure."""


@attrs.frozen
class Unasked:
    """No decision yet: plugins are to be asked about their criteria (:func:`.decide_asking`)."""

    plan: "Plan" = attrs.field(repr=False)


Outcome = Decision | Pending
"""The result of a rule's conditions."""
SETTLED: Final = (Decision, Pending)
"""Its types, for ``isinstance``, which takes longer for a union."""


def decided(
    pending: Pending, replies: Sequence[Reply], *, failure_denies: bool = False
) -> Decision | None:
    """The decision, or ``None`` while a script's reply is needed that is not there yet.

    :param replies: of the scripts, in their order, as far as they are known.
    :param failure_denies: whether a script's failure denies whatever ``default_policy`` says. That
        we have not asked it always denies.
    """
    for script, reply in zip(pending.scripts, replies, strict=False):  # the others to come
        refusal = denial(reply, script, pending, failure_denies=failure_denies)
        if refusal is not None:
            return refusal
    if len(replies) < len(pending.scripts):
        return None
    # A failure that does not deny leaves what is allowed by default, as if nobody had been asked.
    return pending.unopposed


def at_best(pending: Pending, event: Event, keys: Keys) -> bool:
    """Whether it comes to an accept where every script accepts and nothing else was written."""
    return pending.unopposed.accepted and all(
        rate.ever_takes(event, keys, event_size(event)) for rate in pending.rates
    )


def denial(
    reply: Reply, script: NamedScript, pending: Pending, *, failure_denies: bool
) -> Decision | None:
    """The denial that a script's reply means, if it means one."""
    if reply.action is Action.REJECT:
        return Decision.reject(reply.message, script.place)
    if reply.action is Action.SHADOW_REJECT:
        return Decision.shadow_reject(script.place)
    if reply.action is Action.OVERLOADED:
        return Decision.reject(f"error: {reply.message}", script.place)
    if reply.action is Action.FAILED and (failure_denies or not pending.by_default.accepted):
        return Decision.reject(UNAVAILABLE, script.place)
    return None
