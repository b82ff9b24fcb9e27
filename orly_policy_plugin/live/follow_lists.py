"""Follow lists (section 7 of the spec): which are needed, and taking newer ones."""

from collections import deque
from collections.abc import Iterable, Mapping

from orly_policy_hookspecs import Decision, Event
from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import kinds

from ..authority import verify
from ..authority.policy_events import FURTHEST_AHEAD_SECONDS
from ..decisions import Follows, Snapshot
from ..errors import PolicyError
from ..follows import FollowList, NeededLists, follow_list, needed_lists
from ..policy import Problem
from ..starting import missing_lists_problem
from ..state.store import FollowListsKept
from .change_thread import FOLLOW_LISTS, ChangeThread, Request
from .in_force import InForce

log = get_log(__name__)


class MissingFollowLists(PolicyError):
    """Follow lists that the policy needs and nobody has."""


class FollowLists:
    """The follow lists that the policy in force needs, and those that are known."""

    def __init__(self, force: InForce, thread: ChangeThread) -> None:
        self._force = force
        self._thread = thread
        self._waiting: deque[Event] = deque()
        self._needed: tuple[Snapshot, NeededLists] | None = None

    @property
    def needed_lists(self) -> NeededLists:
        """Whose follow lists the policy in force needs, and whose are kept."""
        snapshot = self._force.snapshot
        if self._needed is None or self._needed[0] is not snapshot:
            self._needed = snapshot, _needed_by(snapshot)
        return self._needed[1]

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
        missing = self.missing_lists
        problem = missing_lists_problem(self._force.state, missing, self._force.snapshot.lists)
        if problem is not None and self._force.settings.missing_follow_lists == "stop":
            raise MissingFollowLists(problem.message)
        if missing:
            authors = ", ".join(sorted(missing))
            log.warning("no follow list is known of %s: it grants nobody", authors)

    async def follow(self, event: Event) -> None:
        """Take a follow list (kind 3), if it is needed, genuine and newer than what is known.
        Those that come together are taken together.
        """
        if event.kind != kinds.FOLLOW_LIST or event.pubkey not in self.needed_lists.kept:
            return
        if event.created_at - self._force.clock() > FURTHEST_AHEAD_SECONDS:
            log.warning("a follow list of %s is dated too far ahead: ignored", event.pubkey)
            return
        if not verify(event):
            log.warning("a follow list of %s is not genuine: ignored", event.pubkey)
            return
        self._waiting.append(event)
        # Not given up where nobody waits: an unfollow must take effect, whoever goes meanwhile.
        await self._thread.make(self._take_waiting, rank=FOLLOW_LISTS, may_give_up=False)

    def _take_waiting(self, request: Request) -> Decision:
        """Take all that wait; whoever comes next finds none."""
        newest: dict[str, tuple[FollowList, Event]] = {}
        while self._waiting:
            event = self._waiting.popleft()
            made = follow_list(event)
            if made.replaces(newest[made.author][0] if made.author in newest else None):
                newest[made.author] = made, event
        if newest:
            request.begin_to_write()
            self._keep(newest)
            self._force.load_others()
        return Decision.accept()

    def _keep(self, newest: Mapping[str, tuple[FollowList, Event]]) -> None:
        """Keep them in the store, or else in memory."""
        try:
            with self._force.store.exclusive() as step:
                step.apply(FollowListsKept(newest))
        except PolicyError as error:
            self._force.warn((Problem("", f"a follow list is not kept: {error}"),))
            self._force.keep_in_memory({author: newer for author, (newer, _) in newest.items()})

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
