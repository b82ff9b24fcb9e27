"""The policy in force: the snapshot that decides, what it was made of, and swapping it.

Changes are committed one at a time: in this process by a lock of its own, between processes by the
lock in ``policy-history``, always in that order. What takes long, reading and compiling, is done
before, without a lock: whoever then finds that something else is in force has to begin again. The
operator's edit does so with the lock held, so that no stream of other changes holds it up.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import attrs

from orly_policy_hookspecs import Decision
from orly_policy_hookspecs.logs import get_log

from ..authority.freshness import Freshness, Mark
from ..decisions import Follows, Snapshot, compile_policy
from ..errors import PolicyError, UnreadableFile
from ..follows import FollowList
from ..policy import InvalidPolicy, Problem
from ..scripts import check_scripts
from ..settings import Settings
from ..state.atomic import UnwritableFile
from ..state.folders import StateFolders
from ..state.freshness_file import load_freshness, raise_freshness
from ..state.history import Entry, History, How
from ..state.locks import Held, StateLocked, exclusive
from ..state.policy_file import read_policy_file
from ..state.policy_mark import mark_of
from ..state.standing import Standing, read_standing
from .listeners import Listeners

log = get_log(__name__)


_MOST_TRIES: Final = 3
"""Without a lock: then a change is made ready with the locks held, so that no stream of other
changes, of this process or another, keeps it out."""

Commit = Callable[[Held], Decision]
"""Writes a change that was made ready, and puts it in force. Called with all locks held."""


@attrs.frozen
class Status:
    """How the policy stands."""

    path: Path
    """The policy file."""
    version: str
    """The version in force: 12 hex digits."""
    in_force_since: float
    """Unix seconds."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with the file as it is now; empty where it is what is in force."""


class InForce:
    """What is in force. Made with what stands on the disk.

    :raises InvalidPolicy: with every problem of the file.
    :raises PolicyError: the file, or what was kept beside it, cannot be read.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self.settings = settings
        self.clock = clock
        """Unix seconds."""
        root = settings.state_folder or settings.path.absolute().parent
        self.folders = StateFolders(settings.path, root)
        self.given: Mapping[str, frozenset[str]] | None = None
        """Follow lists by a call, in the place of those that were learned."""
        self.unkept: dict[str, FollowList] = {}
        """Follow lists that the disk did not take."""
        self.listeners = Listeners()
        self.before_telling: Callable[[Snapshot], None] | None = None
        """What is done with a new snapshot before anybody is told or answered."""
        self._lock = threading.Lock()
        self._warned: frozenset[Problem] = frozenset()
        self._marks = Freshness()  # the highest seen, should the disk forget them
        self._known: Standing | None = None  # what the next reading may use again
        with self.locked_if_possible() as held:
            standing = self.read_new(self.read_file())
            self.snapshot = self.compiled(standing)
            """The policy in force. One attribute, replaced whole."""
            self.status = Status(self.folders.policy_file, self.snapshot.version, clock())
            how = self._how_it_came(standing, before=None) or "start"
            self.standing = self._recorded(standing, self.snapshot.version, how, held)
            """What the snapshot was made of. One attribute; another object after each change."""

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """One change at a time."""
        with self._lock:
            yield

    @contextlib.contextmanager
    def commit(self, base: Standing) -> Iterator[bool]:
        """One change at a time, made ready on what stood then.

        :return: whether that is what still stands.
        """
        with self.change():
            yield self.standing is base

    @contextlib.contextmanager
    def locked_if_possible(self) -> Iterator[Held | None]:
        """The lock between processes; none, with a warning, where the disk does not let us."""
        with contextlib.ExitStack() as stack:
            held = None
            try:
                held = stack.enter_context(exclusive(self.folders.lock_file))
            except (UnwritableFile, StateLocked) as error:
                self.warn((Problem("", f"the policy's history is not kept: {error}"),))
            yield held

    def read_file(self) -> bytes:
        """The policy file as it is now.

        :raises UnreadableFile: it cannot be read.
        """
        return read_policy_file(self.folders.policy_file, self.settings.largest_policy_bytes)

    def read(self, content: bytes) -> Standing:
        """What stands beside a policy file of this content. Raises like
        :func:`..state.standing.read_standing`.
        """
        standing = read_standing(self.folders, content, self.settings.owners, self._known)
        self._known = standing
        self.warn(standing.problems)
        for newer in tuple(self.unkept.values()):
            if newer.replaces(standing.follows.get(newer.author)):
                standing = standing.following(newer)
        return attrs.evolve(standing, freshness=standing.freshness.raised(self._marks))

    def read_new(self, content: bytes) -> Standing:
        """The same for a policy that is not in force: its scripts must be there, too. One that is
        in force is not undone by a script that is missing for a while.
        """
        standing = self.read(content)
        check_scripts(standing.policy, self.folders.scripts_from)
        return standing

    def make_change(self, ready: Callable[[Standing], Commit]) -> Decision:
        """Make a change to what stands on the disk.

        :param ready: makes it ready on what stands; it may be called again with something else.
        :raises PolicyError: the policy cannot be read, or another process holds the lock.
        """
        for _ in range(_MOST_TRIES):
            base = self.standing
            commit = ready(base)
            with self.commit(base) as is_base:
                if is_base:
                    with exclusive(self.folders.lock_file) as held:
                        if self._is_on_disk(base):
                            return commit(held)
            self._catch_up()
        with self.change(), exclusive(self.folders.lock_file) as held:
            return ready(self._on_disk(held))(held)

    def _on_disk(self, held: Held) -> Standing:
        """What stands on the disk, in force. Called with all locks held."""
        try:
            standing = self.load_from_disk(held)
        except InvalidPolicy as error:
            raise _unusable(error) from error
        if standing is not self.standing:
            self.swap(standing, self.compiled(standing))
        return self.standing

    def _is_on_disk(self, base: Standing) -> bool:
        """Whether what a change was made ready on is what a change is to be made to."""
        if self.read_file() != base.content:
            return False
        return self.read(base.content).changes_like(base)

    def _catch_up(self) -> None:
        """Load what stands on the disk, which the watchers have not told of yet."""
        content = self.read_file()
        try:
            if content == self.standing.content:
                self.load_folders()
            else:
                self.load_file(content)
        except InvalidPolicy as error:
            raise _unusable(error) from error

    def load_file(self, content: bytes) -> bool:
        """Put in force what the policy file holds.

        :return: whether it is still there: else it is to be read again.
        :raises InvalidPolicy: with every problem of the file.
        :raises PolicyError: what stands beside it cannot be read.
        """
        base = self.standing
        ready = self._ready_to_load(content)
        with self.commit(base) as is_base:
            standing, snapshot = ready if is_base else self._ready_to_load(content)
            with self.locked_if_possible() as held:
                is_there = self._is_in_the_file(content)
                if is_there:
                    self.load(standing, snapshot, held)
                return is_there

    def _ready_to_load(self, content: bytes) -> tuple[Standing, Snapshot]:
        standing = self.read_new(content)
        return standing, self.compiled(standing)

    def _is_in_the_file(self, content: bytes) -> bool:
        try:
            return self.read_file() == content
        except UnreadableFile:
            return False

    def load_folders(self) -> None:
        """Put in force what lies beside the policy file, if anything that decides differs."""
        base = self.standing
        ready = self._ready_beside(base)
        with self.commit(base) as is_base:
            standing, snapshot = ready if is_base else self._ready_beside(self.standing)
            if snapshot is None:
                if not standing.changes_like(self.standing):
                    self.standing = standing
            else:
                self.swap(standing, snapshot)

    def _ready_beside(self, base: Standing) -> tuple[Standing, Snapshot | None]:
        """What stands beside the same file now, and its snapshot where that decides otherwise."""
        standing = self.read(base.content)
        return standing, None if standing.decides_like(base) else self.compiled(standing)

    def load_from_disk(self, held: Held) -> Standing:
        """What stands on the disk now, for a change that does without what stands: a file that
        the watcher has not told of yet is loaded first. Called with all locks held.

        :raises InvalidPolicy: with every problem of the file.
        """
        standing = self.read(self.read_file())
        if standing.content == self.standing.content:
            return standing
        check_scripts(standing.policy, self.folders.scripts_from)
        self.load(standing, self.compiled(standing), held)
        return self.standing

    def compiled(self, standing: Standing) -> Snapshot:
        """The snapshot of what stands."""
        return compile_policy(
            standing.policy,
            follows=self.follows(standing),
            owners=self.settings.owners,
            contributions=standing.contributions,
            rate_seconds=self.settings.rate_seconds,
            before=getattr(self, "snapshot", None),
        )

    def follows(self, standing: Standing) -> Follows:
        """The follow lists that count: those given, or else those learned."""
        if self.given is not None:
            return self.given
        return {author: known.followed for author, known in standing.follows.items()}

    def load(self, standing: Standing, snapshot: Snapshot, held: Held | None) -> None:
        """Put in force what stands in the file, and record whatever has changed it."""
        if standing.content == self.standing.content:
            self.nothing_is_wrong()
            return
        how = self._how_it_came(standing, before=self.standing.content)
        if how == "hand edit":
            loaded = Freshness(Mark(int(self.clock())))
            standing = attrs.evolve(standing, freshness=standing.freshness.raised(loaded))
        if how is not None:
            standing = self._recorded(standing, snapshot.version, how, held)
        self.swap(standing, snapshot)

    def _how_it_came(self, standing: Standing, *, before: bytes | None) -> How | None:
        """How a content came to be in the file; ``None`` where that is recorded already.

        Every process that applies an event records the content under the lock. So what is not
        recorded is a hand edit, unless it has a newer mark than any: then a crash came in
        between.

        :param before: what was in force; ``None`` at start.
        """
        newest = next(History(self.folders.history).entries([]), None)
        if newest is None and before is None:
            return "start"
        if newest is not None and newest.content == standing.content:
            return None
        recorded = newest.content if newest is not None else before
        applied = self._marks.raised(load_freshness(self.folders.history)).owner
        mark = mark_of(standing.content)
        newer = recorded is not None and _is_newer(mark, mark_of(recorded))
        return "event" if newer and not _is_newer(applied, mark) else "hand edit"

    def swap(self, standing: Standing, snapshot: Snapshot) -> None:
        """Put a snapshot in force. Called with the lock held."""
        old, self.snapshot = self.snapshot, snapshot
        file_is_other = standing.content != self.standing.content
        self.standing = standing
        self._marks = self._marks.raised(standing.freshness)
        self.status = Status(
            self.folders.policy_file,
            snapshot.version,
            self.status.in_force_since if old.version == snapshot.version else self.clock(),
            () if file_is_other else self.status.problems,
        )
        if old.version != snapshot.version:
            log.info("policy version %s is in force (before: %s)", snapshot.version, old.version)
        if self.before_telling is not None:
            self.before_telling(snapshot)
        self.listeners.note(old, snapshot)

    def nothing_is_wrong(self) -> None:
        """The file is what is in force."""
        self.status = attrs.evolve(self.status, problems=())

    def refused(self, problems: tuple[Problem, ...]) -> None:
        """The file cannot be used: keep what is in force, and say why, once."""
        if problems == self.status.problems:
            return
        version = self.snapshot.version
        self.status = attrs.evolve(self.status, problems=problems)
        log.error(
            "the policy file cannot be used, version %s stays in force: %s",
            version,
            "; ".join(map(str, problems)),
        )

    def _recorded(self, standing: Standing, version: str, how: How, held: Held | None) -> Standing:
        """Raise the marks on the disk and record the content, where that can be written."""
        raised = standing.freshness
        if held is not None:
            try:
                raised = raise_freshness(self.folders.history, raised, held)
                History(self.folders.history).record(
                    history_entry(standing, version, int(self.clock()), how), held
                )
            except UnwritableFile as error:
                self.warn((Problem("", f"the policy's history is not kept: {error}"),))
        self._marks = self._marks.raised(raised)
        return attrs.evolve(standing, freshness=raised)

    def warn(self, problems: tuple[Problem, ...]) -> None:
        """Say each problem once."""
        for problem in problems:
            if problem not in self._warned:
                log.warning("%s", problem)
        self._warned |= frozenset(problems)


def history_entry(standing: Standing, version: str, now: int, how: How) -> Entry:
    """What the history keeps of a policy file that came into force.

    :param version: of the policy with the contributions that stand beside it.
    """
    came_in = standing.came_in if how == "event" else None
    return Entry(
        version=version,
        recorded_at=now,
        how=how,
        author=came_in.author if came_in else None,
        event_id=came_in.mark.event_id if came_in else None,
        content=standing.content,
    )


def _unusable(error: InvalidPolicy) -> PolicyError:
    told = "; ".join(map(str, error.problems))
    return PolicyError(f"the policy file cannot be used as it is: {told}")


def _is_newer(mark: Mark | None, than: Mark | None) -> bool:
    return mark is not None and (than is None or mark > than)
