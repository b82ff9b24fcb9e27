"""Whether a policy that the database holds counts, where the database is not trusted. Pure.

Then it is a carrier alone: of a policy the owner's signed event is needed, which is newer than
every one that was seen.
"""

from collections.abc import Callable, Collection, Iterable

import attrs

from orly_policy_hookspecs.nip01 import FrozenEvent

from ...authority.freshness import Mark
from ...authority.policy_events import (
    FURTHEST_AHEAD_SECONDS,
    RefusedUpdate,
    check_addressed,
    check_genuine,
    check_owner_policy,
    read_update,
)
from ...errors import PolicyError
from ...policy import InvalidPolicy, Policy, read_policy
from ..policy_mark import with_mark
from .rows import read_event


class Untrusted(PolicyError):
    """Nobody who may has signed what the database holds."""


@attrs.frozen(kw_only=True)
class Asked:
    """What a relay asks of an owner's event besides its signature, as where the event is sent to
    it (section 8 of the spec): whoever can write to the database may have one that was refused, or
    was sent to another relay.
    """

    relay_urls: Collection[str] | None = None
    """Those that its ``relay`` tag may name; ``None``: any, for who is no relay."""
    require_relay_tag: bool = False
    known_scripts: Callable[[Policy], Collection[str]] | None = None
    """What a policy that takes the place of another may name in ``script``; ``None``: anything."""

    def check_addressed(self, event: FrozenEvent) -> None:
        """:raises RefusedUpdate: it is meant for another relay."""
        if self.relay_urls is not None:
            check_addressed(event, self.relay_urls, required=self.require_relay_tag)


def check_signed(
    content: bytes,
    event: str | None,
    owners: Collection[str],
    *,
    newest: Mark | None,
    asked: Asked,
    before: bytes | None,
    now: int,
) -> None:
    """Check that a policy is what an owner has signed.

    :param content: the policy.
    :param event: the event that it is said to have come in, as JSON.
    :param owners: whose signature counts.
    :param newest: the owners' mark that was seen; an event that is older is a replay.
    :param before: the policy whose place it takes.
    :param now: Unix seconds.
    :raises Untrusted: it is not; the message says why.
    """
    if event is None:
        raise Untrusted("no owner has signed it")
    try:
        signed = FrozenEvent.of_json(read_event(event))
        check_genuine(signed)
        if signed.pubkey not in owners:
            raise Untrusted(f"{signed.pubkey} has signed it, who is no owner here")
        asked.check_addressed(signed)
        update = read_update(signed, is_owner=True)
        assert isinstance(update.content, Policy)
        check_owner_policy(update.content, update.author, _known_scripts(asked, before))
    except (RefusedUpdate, InvalidPolicy, ValueError) as error:
        raise Untrusted(f"the event that it came in cannot be used: {error}") from error
    assert update.document is not None
    if with_mark(update.document, update.mark, update.author) != content:
        raise Untrusted("it is not what the owner has signed")
    if newest is not None and update.mark < newest:
        raise Untrusted(
            f"its event is of {update.mark.created_at}, and one of {newest.created_at} was seen"
        )
    if update.mark.created_at - now > FURTHEST_AHEAD_SECONDS:
        raise Untrusted(f"its event is of {update.mark.created_at}, which is far ahead of now")


def _known_scripts(asked: Asked, before: bytes | None) -> Collection[str] | None:
    if asked.known_scripts is None or before is None:
        return None
    return asked.known_scripts(read_policy(before))


def owners_through(
    events: Iterable[str | None],
    owners: Collection[str],
    owners_of_environment: Collection[str],
    newest: Mark | None,
    asked: Asked,
) -> frozenset[str]:
    """The owners after a line of policies, each signed by an owner of the one before: a node that
    was away may not know the one who signed last.

    :param events: the events that they came in, oldest first; those that cannot be used are
        passed over.
    :param owners: before the first.
    :param newest: the owners' mark that was seen; older events are replays.
    """
    now = frozenset(owners)
    for event in events:
        try:
            signed = FrozenEvent.of_json(read_event(event or ""))
            check_genuine(signed)
            asked.check_addressed(signed)
            update = read_update(signed, is_owner=True)
        except (RefusedUpdate, ValueError):
            continue
        is_newer = newest is None or update.mark > newest
        if signed.pubkey in now and is_newer and isinstance(update.content, Policy):
            now = frozenset(update.content.owners).union(owners_of_environment)
            newest = update.mark
    return now


def owners_in(content: bytes) -> Collection[str]:
    """The owners that a policy names; none where it is no policy."""
    try:
        return read_policy(content).owners
    except InvalidPolicy:
        return ()
