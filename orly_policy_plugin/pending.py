"""Pending decisions are taken: scripts are asked, rates are charged."""

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from time import monotonic
from typing import Final

from orly_policy_hookspecs import Context, Decision, Event
from orly_policy_hookspecs.logs import get_log

from .asking import CRITERION_SECONDS, answered, failed
from .decisions import (
    Asking,
    CriterionFailed,
    Outcome,
    Pending,
    Plan,
    RateLimit,
    Reply,
    Unasked,
    decide_asking,
    decided,
)
from .decisions.pending import SETTLED
from .policy.fields import Access
from .rates import Charged, Rates
from .scripts import Scripts

log = get_log(__name__)

_OUR_FAULT: Final = Decision.reject("error: the policy could not be evaluated")


class PendingDecisions:
    """Takes pending decisions (sections 5, 6 and 13 of the spec)."""

    def __init__(
        self,
        scripts: Scripts,
        rates: Rates,
        clock: Callable[[], float],
        *,
        failure_denies: Collection[Access],
        criterion_seconds: float = CRITERION_SECONDS,
    ) -> None:
        """:param clock: Unix seconds.
        :param criterion_seconds: so long a criterion of a plugin may take for one event.
        :param failure_denies: where a script's failure denies, whatever ``default_policy`` says.
        """
        self._scripts = scripts
        self._rates = rates
        self._clock = clock
        self._failure_denies = failure_denies
        self._criterion_seconds = criterion_seconds

    def decide(
        self, pending: Pending | Unasked, event: Event, access: Access, context: Context
    ) -> Decision | Awaitable[Decision]:
        """The decision at once, or to be awaited where a script or a plugin's criterion has a say,
        or rates are kept elsewhere.
        """
        if isinstance(pending, Unasked):
            return self._by_criteria(pending.plan, event, access, context)
        if pending.scripts:
            return self._asked(pending, event, access, context)
        return self._within(pending.rates, pending.unopposed, event, context)

    # --- criteria of plugins

    def _by_criteria(
        self, plan: Plan, event: Event, access: Access, context: Context
    ) -> Decision | Awaitable[Decision]:
        begun = monotonic()
        try:
            asking = decide_asking(plan, event, int(self._clock()), context)
            if isinstance(asking, SETTLED):
                return self._after_criteria(asking, event, access, context)
            awaited = next(asking)
        except StopIteration as end:
            return self._after_criteria(end.value, event, access, context)
        except CriterionFailed as error:
            return failed(error)
        finally:
            if (seconds := monotonic() - begun) > self._criterion_seconds:
                log.error("%s took %.1f seconds of the event loop", _criteria(plan), seconds)
        later = self._await_criteria(asking, awaited, event, access, context)
        if isinstance(awaited, Coroutine):  # where nobody awaits the one, the other is not begun
            weakref.finalize(later, awaited.close)
        return later

    async def _await_criteria(
        self,
        asking: Asking[Outcome],
        awaited: Awaitable[object],
        event: Event,
        access: Access,
        context: Context,
    ) -> Decision:
        try:
            outcome = await answered(asking, awaited, self._criterion_seconds)
        except CriterionFailed as error:
            return failed(error)
        settled = self._after_criteria(outcome, event, access, context)
        return settled if isinstance(settled, Decision) else await settled

    def _after_criteria(
        self, outcome: Outcome, event: Event, access: Access, context: Context
    ) -> Decision | Awaitable[Decision]:
        if isinstance(outcome, Decision):
            return outcome
        return self.decide(outcome, event, access, context)

    # --- scripts and rates

    async def _asked(
        self, pending: Pending, event: Event, access: Access, context: Context
    ) -> Decision:
        """All scripts are asked together; the first that does not accept decides."""
        asked: list[asyncio.Future[Reply]] = []
        try:
            now = int(self._clock())
            asked.extend(
                self._scripts.ask(script.path, event, access, context, now)
                for script in pending.scripts
            )
            decision, replies = None, list[Reply]()
            while decision is None:
                replies.append(await asked[len(replies)])
                decision = decided(pending, replies, failure_denies=access in self._failure_denies)
            within = self._within(pending.rates, decision, event, context)
            return within if isinstance(within, Decision) else await within
        except Exception:
            log.exception("a pending decision could not be taken")
            return _OUR_FAULT
        finally:
            for future in asked:  # what nobody waits for any more is not to wait its turn
                future.cancel()

    def _within(
        self, rates: Sequence[RateLimit], decision: Decision, event: Event, context: Context
    ) -> Decision | Awaitable[Decision]:
        """The decision, unless it accepts more than somebody may write."""
        if not (rates and decision.accepted):
            return decision
        charged = self._rates.charge(rates, event, context)
        if isinstance(charged, Awaitable):
            return self._charged(charged, decision)
        return charged or decision

    async def _charged(self, charged: Awaitable[Charged], decision: Decision) -> Decision:
        try:
            return await charged or decision
        except Exception:
            log.exception("a rate could not be charged")
            return _OUR_FAULT


def _criteria(plan: Plan) -> str:
    return ", ".join(condition.place for condition in plan.conditions if condition.asks)


def failure_denies(*, write: str, read: str) -> frozenset[Access]:
    """The accesses on which a script's failure denies, by the values of the two settings."""
    accesses: dict[Access, str] = {"write": write, "read": read}
    return frozenset(access for access, failure in accesses.items() if failure == "deny")
