"""Withdrawal of contributions by kind 5 events (NIP-09; section 8 of the spec)."""

from collections.abc import Container, Iterator, Mapping

from orly_policy_hookspecs import POLICY_EVENT_KIND
from orly_policy_hookspecs.nip01 import Event, kinds


def withdrawal_tags(event_id: str) -> list[list[str]]:
    """The tags of a kind 5 that withdraws a contribution."""
    return [["e", event_id], ["k", str(POLICY_EVENT_KIND)]]


def withdrawn_by(
    event: Event, authors: Mapping[str, str], owners: Container[str]
) -> tuple[str, ...]:
    """The contributions that a kind 5 withdraws: those of its author, or any if by an owner.

    Whether the event is what its author signed is for the caller to verify before it acts.
    Never raises.

    :param authors: of the contributions that may be withdrawn, by event id.
    :param owners: those of the environment included.
    :return: event ids, in the order of the tags.
    """
    if event.kind != kinds.DELETION or not isinstance(event.pubkey, str):
        return ()
    named = dict.fromkeys(_named(event, authors))
    return tuple(
        event_id
        for event_id in named
        if authors[event_id] == event.pubkey or event.pubkey in owners
    )


def _named(event: Event, authors: Container[str]) -> Iterator[str]:
    """The contributions that ``e`` tags name; there may be tens of thousands of tags."""
    for tag in event.tags if isinstance(event.tags, (list, tuple)) else ():
        if isinstance(tag, (list, tuple)) and len(tag) > 1 and tag[0] == "e":
            value = tag[1].lower() if isinstance(tag[1], str) else ""
            if value in authors:
                yield value
