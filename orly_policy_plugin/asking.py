"""Criteria of plugins are asked (section 13 of the spec): what must be waited for is, so long."""

import asyncio
from collections.abc import Awaitable
from typing import Final

from orly_policy_hookspecs import Context, Decision, Event
from orly_policy_hookspecs.logs import get_log

from .decisions import Asking, CriterionFailed, Noted, Outcome, Unasked, decide_asking
from .decisions.criteria import PLUGIN_FAILED
from .decisions.pending import SETTLED

CRITERION_SECONDS: Final = 5.0
"""So long a criterion may take for one event, where nothing else is said."""

log = get_log(__name__)


async def ask_criteria(
    unasked: Unasked,
    event: Event,
    context: Context,
    now: int,
    noted: Noted,
    *,
    seconds: float = CRITERION_SECONDS,
) -> Outcome:
    """The outcome once the criteria are asked; a rejection where one fails.

    :param now: Unix seconds.
    :param noted: where to write what they have answered.
    :param seconds: so long each may take.
    """
    try:
        asking = decide_asking(unasked.plan, event, now, context, noted)
        if isinstance(asking, SETTLED):
            return asking
        return await answered(asking, next(asking), seconds)
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome
    except CriterionFailed as error:
        return failed(error)


async def answered(asking: Asking[Outcome], awaited: Awaitable[object], seconds: float) -> Outcome:
    """Wait for each answer in turn, until there is an outcome.

    :param awaited: the first.
    :param seconds: so long each may take.
    :raises CriterionFailed: one has failed, or taken longer.
    """
    while True:
        try:
            try:
                answer = await asyncio.wait_for(awaited, seconds)
            except TimeoutError:
                awaited = asking.throw(TimeoutError(f"no answer within {seconds:g} seconds"))
            except Exception as error:  # noqa: BLE001 -- it is told in its criterion's name
                awaited = asking.throw(error)
            else:
                awaited = asking.send(answer)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


def failed(error: CriterionFailed) -> Decision:
    """The decision where a criterion has failed, which is told in the log."""
    log.error("%s", error, exc_info=error.__cause__)
    return PLUGIN_FAILED
