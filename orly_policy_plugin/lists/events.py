"""The events that named lists are made of. Pure."""

from collections.abc import Mapping

from orly_policy_hookspecs.nip01 import Event

from ..follows import FollowList, name_of
from ..policy import ListSource, Policy, Problem
from ..policy.named_lists import counted_keys


def made_of(name: str, policy: Policy) -> Mapping[str, ListSource]:
    """The named lists of a policy that are made of the events which are kept under a name."""
    return {
        listed: source
        for listed, source in policy.lists.items()
        if source.address is not None and name == name_of(source.address)
    }


def not_known(source: ListSource) -> Problem:
    """Why a list of events that nobody has is not in force."""
    what = str(source)
    if source.follows_of is not None:
        what = f"follow list of {source.follows_of}"
    return Problem("", f"no {what} with {counted_keys(source.least)} or more is known")


def too_few(source: ListSource, event: Event, newer: FollowList) -> Problem | None:
    """Why an event is taken for an accident: a client that has wiped a list."""
    if source.address is None:
        return None
    if (count := len(newer.followed)) >= source.least:
        return None
    hidden = ", beside what is encrypted in it" if event.content else ""
    return Problem(
        "",
        f"the event {event.id} of it has {counted_keys(count)}{hidden}; "
        f"with fewer than {source.least:,} it is taken for an accident",
    )
