"""Lists of people (sections 7 and 14 of the spec): which are needed, and taking newer ones."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from orly_policy_hookspecs import Decision, Event
from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import Address, kinds

from ..authority import verify
from ..authority.policy_events import FURTHEST_AHEAD_SECONDS
from ..decisions import Follows, Snapshot
from ..errors import PolicyError
from ..follows import (
    FollowList,
    NeededLists,
    follow_list,
    kept_as,
    needed_lists,
)
from ..lists import made_of, not_known, too_few
from ..policy import Problem
from ..policy.named_lists import list_in_words
from ..starting import missing_lists_problems
from .change_thread import FOLLOW_LISTS, ChangeThread, Request
from .in_force import InForce

log = get_log(__name__)

MOST_AT_A_TIME: Final = 200
"""Events that are taken in one change. As long as it takes, none of them counts and owners wait:
whoever sends one after the other could keep out for good what is against them."""


class MissingFollowLists(PolicyError):
    """Lists of people that the policy needs and nobody has."""


class FollowLists:
    """The lists of people that the policy in force needs, and those that are known."""

    def __init__(self, force: InForce, thread: ChangeThread) -> None:
        self._force = force
        self._thread = thread
        self._waiting: deque[Event] = deque()
        self._needed: tuple[Snapshot, NeededLists] | None = None

    @property
    def needed_lists(self) -> NeededLists:
        """The lists that the policy in force needs, and those that are kept."""
        snapshot = self._force.snapshot
        if self._needed is None or self._needed[0] is not snapshot:
            self._needed = snapshot, _needed_by(snapshot)
        return self._needed[1]

    @property
    def addresses(self) -> frozenset[Address]:
        """The events that the relay is to hand over: see :meth:`.Gate.needed_lists`."""
        needed, counted = self.needed_lists.addresses, self._force.lists.counted
        return needed | counted if counted else needed  # a union is a copy

    @property
    def missing_lists(self) -> frozenset[str]:
        """The authors whose lists decide something and are not known."""
        return self.needed_lists.needed - self._force.follow_lists.keys()

    @property
    def unknown_lists(self) -> frozenset[str]:
        """The authors whose lists are kept and are not known."""
        return self.needed_lists.kept - self._force.follow_lists.keys()

    def followed_by(self, authors: Iterable[str]) -> frozenset[str]:
        """Whom these follow, all together, by the lists that count."""
        follows = self._force.follow_lists
        return frozenset(key for author in authors for key in follows.get(author, ()))

    def check_follow_lists(self) -> None:
        """At start, after the host has fed what it has stored.

        :raises MissingFollowLists: the policy file, which no event has changed, needs a list
            that nobody has, and the settings say ``stop``.
        """
        missing, snapshot = self.missing_lists, self._force.snapshot
        if self._force.settings.missing_follow_lists == "stop":
            problems = missing_lists_problems(self._force.state, missing, snapshot.lists)
            if told := "; ".join(map(str, problems)):
                raise MissingFollowLists(told)
        if missing:
            authors = ", ".join(sorted(missing))
            log.warning("no follow list is known of %s: it grants nobody", authors)
        for name, source in snapshot.policy.lists.items():
            if name not in snapshot.lists:
                words, why = list_in_words(name, snapshot.lists), not_known(source)
                log.warning("the list %s lets nobody in, or keeps out everybody: %s", words, why)

    async def take(self, event: Event) -> None:
        """Take a list of people (kind 3, 10000, 30000), if it is needed, genuine and newer than
        what is known. Those that come together are taken together.
        """
        if not (self._is_kept(event) or self._is_counted(event)):
            return
        if event.created_at - self._force.clock() > FURTHEST_AHEAD_SECONDS:
            log.warning("a list of %s is dated too far ahead: ignored", event.pubkey)
            return
        self._waiting.append(event)
        # Not given up where nobody waits: an unfollow must take effect, whoever goes meanwhile.
        await self._thread.make(self._take_waiting, rank=FOLLOW_LISTS, may_give_up=False)

    def _take_waiting(self, request: Request) -> Decision:
        """Take those that wait, up to :data:`MOST_AT_A_TIME`. Each has a request of its own: none
        is left waiting.
        """
        newest: dict[str, tuple[FollowList, Event]] = {}
        needed = self.needed_lists
        is_other = False
        for _ in range(min(len(self._waiting), MOST_AT_A_TIME)):
            event = self._waiting.popleft()
            if not verify(event):  # here, and on no event loop: there may be thousands
                log.warning("a list of %s is not genuine: ignored", event.pubkey)
                continue
            made = follow_list(event)
            if self._is_counted(event):
                is_other |= self._force.lists.count(made)
            for name in filter(needed.keeps, kept_as(event)):
                before = newest[name][0] if name in newest else self._force.state.follows.get(name)
                if made.replaces(before) and self._has_keys_enough(name, made, event):
                    newest[name] = made, event
        if newest:
            request.begin_to_write()
            self._force.keep_lists(newest)
        if is_other:
            self._force.load_lists()
        return Decision.accept()

    def _is_kept(self, event: Event) -> bool:
        return any(map(self.needed_lists.keeps, kept_as(event)))

    def _is_counted(self, event: Event) -> bool:
        """Whether it is the follow list of somebody whose list counts for two hops."""
        return event.kind == kinds.FOLLOW_LIST and self._force.lists.counts(event.pubkey)

    def _has_keys_enough(self, name: str, newer: FollowList, event: Event) -> bool:
        """Whether an event may be kept under a name. Where a named list would lose its keys by it,
        the last good one stays, and that is told.
        """
        lists = made_of(name, self._force.snapshot.policy)
        problem = None
        for source in frozenset(lists.values()):
            problem = too_few(source, event, newer)
            if self._force.lists.note(source, (problem,) if problem else ()):
                self._force.note_lists()
                for listed in lists:
                    self._tell(listed, problem)
        return problem is None

    def _tell(self, name: str, problem: Problem | None) -> None:
        words = list_in_words(name, self._force.snapshot.lists)
        if problem is not None:
            log.warning("the list %s stays as it is: %s", words, problem)
        else:
            # As loud as the warning that it ends.
            log.warning("the list %s has keys enough again", words)

    def give_follows(self, follows: Follows | None) -> None:
        """Use these follow lists in place of the learned ones; ``None``: use the learned ones."""
        given = (
            None
            if follows is None
            else {author: frozenset(keys) for author, keys in follows.items()}
        )
        self._force.give_follows(given)


def _needed_by(snapshot: Snapshot) -> NeededLists:
    return needed_lists(snapshot.policy, snapshot.contributions, snapshot.lists)
