"""The port to the store of one relay's policy: what a store does, and nothing of how.

A store is read as one value (:class:`Stored`) and changed in one exclusive step (:class:`Step`) by
values that say what to write (:data:`Change`). Whoever changes something reads the store, makes
the change ready outside the step, enters the step, and reads again: if the store holds something
else by then, the change is made ready again. A store of files holds a lock for the step, a
database has transactions.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, Protocol

import attrs
from attrs import validators

from orly_policy_hookspecs import Event
from orly_policy_hookspecs.nip01.hexes import HEX32

from ..authority.freshness import LATEST_SECONDS, Freshness, Mark
from ..errors import PolicyError
from ..follows import FollowList
from ..policy import Problem
from .entry import Entry, How

_HEX = validators.matches_re(HEX32)


# --- what is kept


@attrs.frozen
class StoredContribution:
    """One contribution as it is kept. Its signature is not verified."""

    value: Mapping[str, Any]
    """A signed event in shape; or an object without ``sig``, as ORLY writes contributions."""
    difference: bytes | None = None
    """Beside an admin's full policy: what that came to when it was applied."""


@attrs.frozen
class Withdrawn:
    """The record of a withdrawn contribution: enough for its author's freshness."""

    author: str = attrs.field(validator=_HEX)
    created_at: int = attrs.field(
        validator=[
            validators.instance_of(int),
            validators.ge(0),
            validators.le(LATEST_SECONDS),
        ]
    )
    """Unix seconds, of the withdrawn event."""
    by: str = attrs.field(validator=_HEX)
    """The id of the event that withdrew it or took its place."""


@attrs.frozen(kw_only=True)
class Stored:
    """All that a store holds, at one moment.

    What has not changed since the last reading is the same object as then, so that nobody verifies
    it twice.
    """

    content: bytes
    """The policy, as its file has it."""
    contributions: Mapping[str, StoredContribution] = MappingProxyType({})
    """By event id; withdrawn ones are not among them."""
    withdrawn: Mapping[str, Withdrawn | None] = MappingProxyType({})
    """By event id; ``None`` where nothing is remembered but that it is withdrawn."""
    follow_lists: Mapping[str, FollowList] = MappingProxyType({})
    """Lists of people by the name under which they are kept, one of :func:`..follows.kept_as`;
    verified."""
    freshness: Freshness = attrs.field(factory=Freshness)
    """The marks of what was applied."""
    problems: tuple[Problem, ...] = ()
    """Things that cannot be used, or cannot be read now and count as they last did."""


# --- what is written


@attrs.frozen(kw_only=True)
class PolicyReplaced:
    """Another policy replaces the stored one."""

    entry: Entry
    """The new one."""
    freshness: Freshness
    """The marks after the change."""
    before: Entry | None = None
    """The stored one, which the history may lack."""
    freshness_before: Freshness = attrs.field(factory=Freshness)
    """The marks before the change: the stored policy may be the only one that has them."""
    unusable: bytes | None = None
    """The stored content, where it is no policy; it is set aside."""
    event: Mapping[str, Any] | None = None
    """The owner's signed event that the new one came in; ``None`` where the operator replaces."""


@attrs.frozen(kw_only=True)
class ContributionAdded:
    """A policy admin's event counts from now on."""

    event_id: str
    contribution: StoredContribution
    """The stored form. Reading the store returns this object."""
    entry: Entry
    freshness: Freshness
    replaces: Mapping[str, Withdrawn] = MappingProxyType({})
    """Earlier full policies of the same admin, withdrawn by this one."""


@attrs.frozen(kw_only=True)
class ContributionsWithdrawn:
    """These contributions are withdrawn, for good."""

    withdrawn: Mapping[str, Withdrawn]
    """By event id, in the order in which they go."""
    entry: Entry
    freshness: Freshness


@attrs.frozen
class FollowListsKept:
    """The signed events of these lists of people, verified. One that is not newer than the stored
    one of its name is left out.
    """

    lists: Mapping[str, tuple[FollowList, Event]]
    """By the name under which each is kept."""


@attrs.frozen
class Recorded:
    """A policy that somebody else has put into the store is in force."""

    entry: Entry
    freshness: Freshness


Change = PolicyReplaced | ContributionAdded | ContributionsWithdrawn | FollowListsKept | Recorded


# --- the port

FirstLists = Callable[[bytes], Collection[str]]
"""From a policy's content to the names of the lists of people that are read first, where all of
them are too large to read. Raises :class:`.InvalidPolicy` where the policy cannot be used."""


class Readable(Protocol):
    """A store to read from, or a step in which nobody else changes it."""

    def read_policy(self) -> bytes:
        """The policy alone.

        :raises Unreadable: it cannot be read.
        """

    def read(self, first_lists: FirstLists, policy: bytes | None = None) -> Stored:
        """All that is stored.

        :param policy: taken for the policy, which is not read then.
        :raises Unreadable: the policy cannot be read; or something beside it cannot be read
            now, and never was.
        :raises PolicyError: the marks of what was applied cannot be used, or what
            ``first_lists`` raises.
        """


class Step(Readable, Protocol):
    """One exclusive step: nobody else changes the store while it lasts."""

    def apply(self, change: Change) -> tuple[Problem, ...]:
        """Write a change, whole or not at all.

        :return: for the log, what could not be written besides the change.
        :raises PolicyError: nothing has changed.
        """


class Watch(Protocol):
    """Follows what others change in a store."""

    def start(self) -> None:
        """Tell of changes from now on, and of those since the store was read. Starts threads."""

    def stop(self) -> None:
        """Tell of nothing more; all threads have ended on return. May be called again."""


@attrs.frozen(kw_only=True)
class Watcher:
    """The callbacks of a watch, called on its threads. What they raise is logged."""

    policy_changed: Callable[[bytes], bool]
    """Takes the policy's new content, and returns whether it is dealt with: if not, it is called
    again."""
    policy_lost: Callable[[PolicyError], None]
    """Takes the reason why the policy cannot be read; called once for each reason."""
    others_changed: Callable[[], None]
    """Called when contributions or follow lists have changed."""


class Store(Readable, Protocol):
    """The store of one relay's policy. Calls block their thread."""

    @property
    def name(self) -> str:
        """The policy's name in messages, such as the path of its file."""

    def has_policy(self) -> bool:
        """Whether anything is stored as the policy, usable or not."""

    def exclusive(self) -> AbstractContextManager[Step]:
        """One step in which nobody else changes anything. Not reentrant.

        :raises Busy: somebody else does, for too long.
        :raises Unwritable: nothing can be changed here.
        """

    def how_it_came(
        self, content: bytes, mark: Mark | None, in_force: bytes | None, applied: Freshness
    ) -> How | None:
        """The way in which a policy came into the store that no change of this process has put
        there; ``None`` where the history has it already. A store that nobody else can write to
        always returns ``None``.

        :param mark: of the event that the policy names.
        :param in_force: what was in force before; ``None`` at start.
        :param applied: the highest marks that were seen.
        """

    def history(self, problems: list[Problem]) -> Iterator[Entry]:
        """The versions that were in force, newest first.

        :param problems: gets entries that cannot be read.
        :raises Unreadable: there is a history, and it cannot be read.
        """

    def find_entry(self, version_prefix: str) -> Entry:
        """The newest entry of the one version that begins like this.

        :raises UnknownVersion: there is none, or there are several; the message names them.
        :raises Unreadable: it is there and cannot be read.
        """

    def watch(self, content: bytes, watcher: Watcher) -> Watch:
        """A watch for what others change, not yet started.

        :param content: the policy as the caller last read it.
        """

    def close(self) -> None:
        """Give up what is held open, such as a connection. It is made again when it is needed."""
