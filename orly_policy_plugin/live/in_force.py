"""The policy in force: the snapshot that decides, the state that it was made of, and swapping it.

Changes are committed one at a time: in this process by a lock of its own, between processes by a
step of the store, always in that order. What takes long, reading and compiling, is done before,
without either: whoever then finds another state has to begin again. The operator's edit does so
with both held, so that no stream of other changes holds it up.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import attrs

from orly_policy_hookspecs import Event
from orly_policy_hookspecs.criteria import Registered
from orly_policy_hookspecs.logs import get_log

from ..authority.freshness import Freshness, Mark
from ..decisions import NOT_FITTED, Fitted, Follows, Snapshot, compile_policy
from ..decisions.kept import changed_lists
from ..errors import Busy, PolicyError, Unreadable, UnreadableNow, Unwritable
from ..follows import FollowList
from ..lists import KnownLists, not_known
from ..plugins import Plugins
from ..policy import InvalidPolicy, Lists, ListSource, Problem, rules_of
from ..policy.named_lists import counted_keys, list_in_words
from ..scripts import check_scripts
from ..settings import Settings
from ..state import How, PolicyState, Store, read_state
from ..state.changes import Transition, Versions, entry_of, replacement
from ..state.store import FollowListsKept, PolicyReplaced, Readable, Recorded, Step
from .listeners import Listeners

log = get_log(__name__)

SignedLists = Mapping[str, tuple[FollowList, Event]]
"""Lists of people with the events that they are, by the name under which each is kept."""

_MOST_TOLD: Final = 50
"""Problems of one reading in the log."""
_MOST_TRIES: Final = 3
"""Without a lock: then a change is made ready with the locks held, so that no stream of other
changes, of this process or another, keeps it out."""


@attrs.frozen
class ListStatus:
    """A named list, as it is in force."""

    name: str
    keys: int
    """The number of its keys."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with its file, or its event, as it is now: then its last good content is in
    force; or that no event is known that could be."""


@attrs.frozen
class Status:
    """The state of the policy, for people and for monitoring."""

    path: Path
    """The policy file."""
    version: str
    """The version in force: 12 hex digits."""
    in_force_since: float
    """Unix seconds."""
    loaded_at: float
    """Unix seconds: when the file was last found to be one that can be used."""
    failures: int = 0
    """How often the file was changed to what cannot be used, since the start."""
    problems: tuple[Problem, ...] = ()
    """The problems of the file as it is now; empty where it is in force."""
    next_start: tuple[Problem, ...] = ()
    """Reasons why a relay would not start again with the policy in force; empty where it would.
    They are looked for two seconds after each change, and every 30 seconds while there are any."""
    lists: tuple[ListStatus, ...] = ()
    """The named lists of the policy in force."""


@attrs.frozen
class Ready:
    """A change that was made ready."""

    transition: Transition
    snapshot: Snapshot
    """Of the state that will be."""


class InForce:
    """The policy in force. It is made of what the store holds.

    :raises InvalidPolicy: with every problem of the policy.
    :raises PolicyError: the policy, or what is kept beside it, cannot be read.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Callable[[], float],
        first_policy: Callable[[], bytes | None] = lambda: None,
    ) -> None:
        """:param first_policy: asked in a step of the store for what goes into it, where it has
        no policy yet.
        """
        self.settings = settings
        self.store = store
        self.clock = clock
        """Unix seconds."""
        self.path = settings.path.absolute()
        self.scripts_from = self.path.parent
        """The folder to which the paths of scripts are relative."""
        self.lists_from = self.path.parent
        """The folder to which the paths of named lists are relative."""
        self.lists = KnownLists(self.lists_from)
        """The named lists, as they were last read."""
        self.listeners = Listeners()
        self.before_telling: Callable[[Snapshot], None] | None = None
        """Called with a new snapshot before anybody is told of it."""
        self._plugins: Plugins | None = None
        self._given: Mapping[str, frozenset[str]] | None = None
        self._unkept: SignedLists = {}  # those that the store has not taken
        self._lock = threading.Lock()
        self._warned: frozenset[Problem] = frozenset()
        self._marks = Freshness()  # the highest seen, should the store forget them
        self._known: PolicyState | None = None  # what the next reading may use again
        with self._step_if_possible() as step:
            first = first_policy() if step is not None else None
            state = self._read(self.store, first)
            self.check_scripts(state)
            self.snapshot = self.compiled(state)
            """The policy in force. One attribute, replaced whole."""
            self.lists.use(state.policy)
            version = self.snapshot.version
            now = clock()
            self.status = Status(self.path, version, now, now, lists=self._list_status())
            if first is None or step is None:
                how = self._how_it_came(state, before=None) or "start"
                state = self._recorded(state, version, how, step)
            else:
                entry = entry_of(state, version, int(clock()), "start")
                self.warn(step.apply(PolicyReplaced(entry=entry, freshness=state.freshness)))
                state = self._marked(state)
            self.state = state
            """The state that the snapshot was made of. One attribute, replaced at each change."""

    # --- reading

    def _read(self, readable: Readable, policy: bytes | None = None) -> PolicyState:
        """The state that the store holds, or would hold with this policy. Raises as
        :func:`..state.read_state`.
        """
        state = read_state(readable, self.settings.owners, self._known, policy)
        self._known = state
        self.warn(state.problems)
        state = _following(state, self._unkept)
        return attrs.evolve(state, freshness=state.freshness.raised(self._marks))

    def check_scripts(self, state: PolicyState) -> None:
        """Check that the scripts of a policy can be run, before it comes into force: one in force
        is not undone by a script that is missing for a while.

        :raises InvalidPolicy: one cannot.
        """
        check_scripts(state.policy, self.scripts_from)

    def compiled(self, state: PolicyState, plugins: Fitted | None = None) -> Snapshot:
        """The snapshot of a state.

        :param plugins: the policy fitted to the plugins; fitted now where not given.
        :raises UnreadableLists: the policy names lists that cannot be read, and never were.
        :raises InvalidPolicy: the policy does not fit the relay's other plugins.
        """
        return compile_policy(
            state.policy,
            follows=self.follows(state),
            lists=self.lists.resolve(state.policy, state.follows),
            owners=self.settings.owners,
            contributions=state.contributions,
            rate_seconds=self.settings.rate_seconds,
            plugins=plugins or self._fitted(state),
            before=getattr(self, "snapshot", None),
        )

    def _fitted(self, state: PolicyState) -> Fitted:
        """A policy fitted to the plugins: the same, as long as it is the same policy."""
        if self._plugins is None:
            return NOT_FITTED
        before = self.snapshot
        if before.policy is state.policy and before.plugins is not NOT_FITTED:
            return before.plugins
        was = None if before.plugins is NOT_FITTED else before.policy
        return self._plugins.fit(state.policy, was)

    def use_plugins(self, plugins: Plugins) -> None:
        """Fit the policy to these from now on.

        :raises InvalidPolicy: what is in force does not fit.
        """
        with self._lock:
            self._plugins = plugins
            self._swap(self.state, self.compiled(self.state))

    def use_criteria(self, criteria: Callable[[], Mapping[str, Registered]]) -> None:
        """Use other criteria, with the policy and the settings of plugins that are in force. A
        rule with one that is gone denies, which is logged.

        :param criteria: gives those that there are now.
        """
        with self._lock:
            if self._plugins is None:
                return
            plugins = self.snapshot.plugins.with_criteria(criteria())
            for place, rule in rules_of(self.state.policy):
                for name in sorted(rule.criteria.keys() - plugins.criteria.keys()):
                    log.error("%s.%s denies: no plugin has this criterion any more", place, name)
            state = attrs.evolve(self.state)  # what was made ready is stale now
            self._swap(state, self.compiled(state, plugins))

    # --- making a change

    @contextlib.contextmanager
    def _commit(self, base: PolicyState) -> Iterator[bool]:
        """Let one change at a time be committed.

        :param base: the state that it was made ready on.
        :return: whether that is still the state.
        """
        with self._lock:
            yield self.state is base

    def make_change(
        self,
        propose: Callable[[PolicyState], Transition],
        begin_to_write: Callable[[], None] = lambda: None,
    ) -> str:
        """Make a change to the state that the store holds.

        :param propose: makes the change of a state; it may be called again with another.
        :param begin_to_write: called just before the first byte is written.
        :return: what whoever asked is told.
        :raises PolicyError: what ``propose`` raises; or the policy cannot be read, or somebody
            else holds the store. Nothing has changed.
        """
        for _ in range(_MOST_TRIES):
            base = self.state
            ready = self._ready(propose(base))
            with self._commit(base) as is_base:
                if is_base:
                    with self.store.exclusive() as step:
                        if self._is_the_state(base, step):
                            return self._write(ready, step, begin_to_write)
            self._catch_up()
        with self._lock, self.store.exclusive() as step:
            try:
                base = self._caught_up(step)
            except InvalidPolicy as error:
                raise _unusable(error) from error
            return self._write(self._ready(propose(base)), step, begin_to_write)

    def _is_the_state(self, base: PolicyState, step: Step) -> bool:
        """Whether a change has the same result on what the store holds."""
        return step.read_policy() == base.content and self._read(step, base.content).changes_like(
            base
        )

    def _ready(self, transition: Transition) -> Ready:
        return Ready(transition, self.compiled(transition.state))

    def _write(
        self, ready: Ready, step: Step, begin_to_write: Callable[[], None] = lambda: None
    ) -> str:
        """Called with all locks held."""
        after = ready.snapshot.version
        versions = Versions(self.snapshot.version, after, int(self.clock()))
        begin_to_write()
        problems = step.apply(ready.transition.change(versions))
        state = ready.transition.state
        self.warn((*state.problems, *problems))
        self._swap(state, ready.snapshot)
        return ready.transition.message(after)

    def replace(self, content: bytes, is_wanted: Callable[[], bool] = lambda: True) -> Snapshot:
        """Replace the policy, as the operator's program asks.

        :param is_wanted: asked when nobody else can change the store; if not, nothing changes.
        :raises InvalidPolicy: the policy cannot be used.
        :raises PolicyError: nothing has changed.
        """
        with self._lock, self.store.exclusive() as step:
            base, unusable = self._what_is_there(step)
            if is_wanted() and (base is None or base.content != content):
                state = self._read(step, content)
                now = int(self.clock())
                transition = replacement(state, base, now, "hand edit", unusable=unusable)
                self._write(self._ready(transition), step)
            self.nothing_is_wrong()
            return self.snapshot

    def _what_is_there(self, step: Step) -> tuple[PolicyState | None, bytes | None]:
        """The stored state, which is put in force first; or the content that is no policy."""
        try:
            return self._caught_up(step), None
        except Unreadable:
            if self.store.has_policy():
                raise
            return None, None
        except InvalidPolicy:
            return None, step.read_policy()

    def _catch_up(self) -> None:
        """Put in force what the store holds and the watch has not told of yet."""
        content = self.store.read_policy()
        try:
            if content == self.state.content:
                self.load_others()
            else:
                self.load_policy(content)
        except InvalidPolicy as error:
            raise _unusable(error) from error

    def _caught_up(self, step: Step) -> PolicyState:
        """The state that the store holds, in force. Called with all locks held.

        :raises InvalidPolicy: with every problem of the policy.
        """
        state = self._read(step)
        if state.content != self.state.content:
            self.check_scripts(state)
            self._load(state, self.compiled(state), step)
        elif state.decides_like(self.state):
            self._take(state)
        else:
            self._swap(state, self.compiled(state))
        return self.state

    # --- what others have changed

    def load_policy(self, content: bytes) -> bool:
        """Put in force the policy that the store holds.

        :return: whether it is still there: else it is to be read again.
        :raises InvalidPolicy: with every problem of it.
        :raises PolicyError: what is kept beside it cannot be read.
        """
        base = self.state
        ready = self._ready_to_load(content)
        with self._commit(base) as is_base:
            state, snapshot = ready if is_base else self._ready_to_load(content)
            with self._step_if_possible() as step:
                is_there = self._is_the_policy(content)
                if is_there:
                    self._load(state, snapshot, step)
                return is_there

    def _ready_to_load(self, content: bytes) -> tuple[PolicyState, Snapshot]:
        state = self._read(self.store, content)
        self.check_scripts(state)
        return state, self.compiled(state)

    def _is_the_policy(self, content: bytes) -> bool:
        try:
            return self.store.read_policy() == content
        except Unreadable:
            return False

    def load_others(self) -> None:
        """Put in force what is kept beside the policy, if anything that decides differs."""
        base = self.state
        ready = self._others_ready(base)
        with self._commit(base) as is_base:
            state, snapshot = ready if is_base else self._others_ready(self.state)
            if snapshot is None:
                if not state.changes_like(self.state):
                    self._take(state)
            else:
                self._swap(state, snapshot)

    def _others_ready(self, base: PolicyState) -> tuple[PolicyState, Snapshot | None]:
        """The state with what is beside the policy now; its snapshot if that decides otherwise."""
        state = self._read(self.store, base.content)
        return state, None if state.decides_like(base) else self.compiled(state)

    def _load(self, state: PolicyState, snapshot: Snapshot, step: Step | None) -> None:
        """Put in force what the store holds, and record whatever has changed it."""
        if state.content == self.state.content:
            self.nothing_is_wrong()
            return
        how = self._how_it_came(state, before=self.state.content)
        if how == "hand edit":
            loaded = Freshness(Mark(int(self.clock())))
            state = attrs.evolve(state, freshness=state.freshness.raised(loaded))
        if how is not None:
            state = self._recorded(state, snapshot.version, how, step)
        self._swap(state, snapshot)

    def _how_it_came(self, state: PolicyState, *, before: bytes | None) -> How | None:
        mark = state.came_in.mark if state.came_in else None
        return self.store.how_it_came(state.content, mark, before, self._marks)

    @contextlib.contextmanager
    def _step_if_possible(self) -> Iterator[Step | None]:
        """A step of the store; none, with a warning, where it cannot be changed."""
        with contextlib.ExitStack() as stack:
            step = None
            try:
                step = stack.enter_context(self.store.exclusive())
            except (Unwritable, Busy) as error:
                self.warn((Problem("", f"the policy's history is not kept: {error}"),))
            yield step

    def _recorded(
        self, state: PolicyState, version: str, how: How, step: Step | None
    ) -> PolicyState:
        """Have the store raise its marks and record the policy, where it can be changed."""
        if step is not None:
            entry = entry_of(state, version, int(self.clock()), how)
            self.warn(step.apply(Recorded(entry, state.freshness)))
        return self._marked(state)

    def _marked(self, state: PolicyState) -> PolicyState:
        """A state with all marks that were seen."""
        self._marks = self._marks.raised(state.freshness)
        return attrs.evolve(state, freshness=self._marks)

    # --- follow lists

    @property
    def follow_lists(self) -> Follows:
        """The follow lists that count now: author to whom the author follows."""
        return self.follows(self.state)

    def follows(self, state: PolicyState) -> Follows:
        """The follow lists that count: those given, or else those learned."""
        if self._given is not None:
            return self._given
        return state.follow_lists

    def give_follows(self, given: Mapping[str, frozenset[str]] | None) -> None:
        """Use these follow lists in place of the learned ones; ``None``: use the learned ones."""
        with self._lock:
            if given != self._given:  # or a listener that calls this would never end
                self._given = given
                state = attrs.evolve(self.state)  # what was made ready is stale now
                self._swap(state, self.compiled(state))

    def keep_lists(self, lists: SignedLists) -> None:
        """Put newer lists of people in force, and have the store keep them. What it does not take
        counts here all the same, until :meth:`keep_again`.
        """
        self._keep(lists)
        try:
            self.load_others()
        except (UnreadableNow, Busy):  # an unfollow takes effect, whether the store answers or not
            with self._lock:
                state = _following(self.state, lists)
                self._swap(state, self.compiled(state))

    def keep_again(self) -> None:
        """Have the store keep the lists of people that it did not take."""
        if self._unkept:
            self._keep(self._unkept)

    def _keep(self, lists: SignedLists) -> None:
        try:
            with self.store.exclusive() as step:
                step.apply(FollowListsKept(lists))
        except PolicyError as error:
            self.warn((Problem("", f"a follow list is not kept: {error}"),))
            with self._lock:
                self._unkept = _newest(self._unkept, lists)
        else:
            with self._lock:
                self._unkept = {
                    name: each for name, each in self._unkept.items() if lists.get(name) != each
                }

    # --- named lists

    def load_lists(self) -> None:
        """Put in force the named lists as they were last read."""
        with self._lock:
            state = attrs.evolve(self.state)  # what was made ready is stale now
            self._swap(state, self.compiled(state))

    def note_lists(self) -> None:
        """Note in the status what is wrong with the files of named lists."""
        with self._lock:
            self.status = attrs.evolve(self.status, lists=self._list_status())

    def _list_status(self) -> tuple[ListStatus, ...]:
        in_force = self.snapshot
        return tuple(
            ListStatus(name, len(in_force.lists.get(name, ())), self._list_problems(name, source))
            for name, source in in_force.policy.lists.items()
        )

    def _list_problems(self, name: str, source: ListSource) -> tuple[Problem, ...]:
        if problems := self.lists.known(source).problems or self.lists.left_out(source):
            return problems
        return () if name in self.snapshot.lists else (not_known(source),)

    # --- what is in force

    def _swap(self, state: PolicyState, snapshot: Snapshot) -> None:
        """Put a snapshot in force. Called with the lock held."""
        old, self.snapshot = self.snapshot, snapshot
        if snapshot.plugins is not old.plugins:
            snapshot.plugins.put_in_force()
        snapshot.plugins.use(snapshot.told)
        policy_is_other = state.content != self.state.content
        self._known = state
        self._take(state)
        self.lists.use(state.policy)
        same = old.version == snapshot.version
        self.status = attrs.evolve(
            self.status,
            version=snapshot.version,
            in_force_since=self.status.in_force_since if same else self.clock(),
            lists=self._list_status(),
        )
        if old.version != snapshot.version:
            log.info(
                "worker %d: policy version %s is in force (before: %s)",
                *(os.getpid(), snapshot.version, old.version),
            )
        else:
            _tell_of_lists(old.lists, snapshot.lists)
        if policy_is_other:
            self.nothing_is_wrong()
        for name, source in state.policy.lists.items():
            self.warn(tuple(each.within(f"lists.{name}") for each in self.lists.left_out(source)))
        if self.before_telling is not None:
            self.before_telling(snapshot)
        self.listeners.note(old, snapshot)

    def _take(self, state: PolicyState) -> None:
        """Remember what the store holds. Called with the lock held."""
        self.state = state
        self._marks = self._marks.raised(state.freshness)

    def nothing_is_wrong(self) -> None:
        """Note that the stored policy is in force."""
        if self.status.problems:
            version = self.status.version
            # As loud as the error that it ends: whoever has read that has to read this.
            log.warning(
                "worker %d: the stored policy can be used again, version %s is in force",
                *(os.getpid(), version),
            )
        self.status = attrs.evolve(self.status, problems=(), loaded_at=self.clock())

    def note_next_start(self, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
        """Note in the status what would stop the next start.

        :return: what the status said before.
        """
        with self._lock:
            before = self.status.next_start
            self.status = attrs.evolve(self.status, next_start=problems)
            return before

    def refused(self, problems: tuple[Problem, ...]) -> None:
        """Note that the stored policy cannot be used, and log why, once."""
        with self._lock:
            if problems == self.status.problems:
                return
            log.error(
                "worker %d: the stored policy cannot be used, version %s stays in force: %s",
                *(os.getpid(), self.snapshot.version, "; ".join(map(str, problems))),
            )
            failures = self.status.failures + 1
            self.status = attrs.evolve(self.status, problems=problems, failures=failures)

    def warn(self, problems: tuple[Problem, ...]) -> None:
        """Log each problem once, of many the first: a store may have thousands of bad rows."""
        new = [each for each in dict.fromkeys(problems) if each not in self._warned]
        for problem in new[:_MOST_TOLD]:
            log.warning("%s", problem)
        if more := new[_MOST_TOLD:]:
            log.warning("and %s more like these", len(more))
        self._warned |= frozenset(problems)


def _following(state: PolicyState, lists: SignedLists) -> PolicyState:
    """A state with these lists of people, where they are newer."""
    for name, (newer, _) in lists.items():
        if newer.replaces(state.follows.get(name)):
            state = state.following(name, newer)
    return state


def _newest(some: SignedLists, others: SignedLists) -> SignedLists:
    """Of each name the newest list."""
    newest = dict(some)
    for name, each in others.items():
        if name not in newest or each[0].replaces(newest[name][0]):
            newest[name] = each
    return newest


def _tell_of_lists(old: Lists, new: Lists) -> None:
    """Log which named lists of a policy have other keys."""
    for name in sorted(changed_lists(old, new)):
        was = counted_keys(len(old[name])) if name in old else "not known"
        log.info("the list %s is in force (before: %s)", list_in_words(name, new), was)


def _unusable(error: InvalidPolicy) -> PolicyError:
    told = "; ".join(map(str, error.problems))
    return PolicyError(f"the stored policy cannot be used as it is: {told}")
