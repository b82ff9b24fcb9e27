"""The policy in force, and every way in which it changes: the file, signed events, follow lists.

Everything here may block (locks, the disk) and belongs on a thread of its own; a decision reads
:attr:`PolicyKeeper.snapshot` and nothing else. Changes are made one at a time: in this process by
a lock of its own, between processes by the lock in ``policy-history``, always in that order.
"""

import contextlib
import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import attrs

from orly_policy_hookspecs import Decision, Event

from .authority import verify
from .authority.fitting import check_fits
from .authority.freshness import Freshness, Mark
from .authority.policy_events import FURTHEST_AHEAD_SECONDS, RefusedUpdate, Update, examine
from .authority.withdrawals import withdrawn_by
from .decisions import Follows, Snapshot, compile_policy
from .errors import PolicyError, UnreadableFile
from .follows import FollowList, NeededLists, follow_list, needed_lists
from .follows.lists import FOLLOW_LIST_KIND
from .policy import InvalidPolicy, Problem, policy_version
from .reload import FileWatcher, FolderWatcher
from .settings import Settings
from .state.atomic import UnwritableFile
from .state.differences import write_difference
from .state.folders import StateFolders
from .state.freshness_file import load_freshness, raise_freshness
from .state.history import Entry, History, How
from .state.locks import Held, StateLocked, exclusive
from .state.policy_file import read_policy_file
from .state.policy_mark import mark_of, with_mark
from .state.replacing import replace_policy
from .state.signed_events import Withdrawal, mark_withdrawn, write_event
from .state.standing import Standing, contribution_in, read_standing

log = logging.getLogger(__name__)

_UNWRITABLE: Final = "error: the policy file cannot be written"


class MissingFollowLists(PolicyError):
    """Follow lists that the policy needs and nobody has."""


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


Listener = Callable[[Snapshot, Snapshot], None]
"""Told the old and the new snapshot after every swap, in their order, when no lock is held: it
may ask for changes itself."""


class PolicyKeeper:
    """Keeps one policy. Made with what stands on the disk.

    :raises InvalidPolicy: with every problem of the file.
    :raises PolicyError: the file, or what was kept beside it, cannot be read.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self.settings = settings
        self._clock = clock
        root = settings.state_folder or settings.path.absolute().parent
        self.folders = StateFolders(settings.path, root)
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._untold: deque[tuple[Snapshot, Snapshot]] = deque()
        self._telling = threading.Lock()
        self._watchers: tuple[FileWatcher | FolderWatcher, ...] = ()
        self._given: Mapping[str, frozenset[str]] | None = None
        self._warned: frozenset[Problem] = frozenset()
        self._needed: tuple[Snapshot, NeededLists] | None = None
        self._marks = Freshness()  # the highest seen, should the disk forget them
        self._unkept: dict[str, FollowList] = {}  # follow lists that the disk did not take
        with self._locked_if_possible() as held:
            standing = self._read(read_policy_file(self.folders.policy_file))
            self.snapshot = self._compiled(standing)
            """The policy in force. One attribute, replaced whole."""
            self.status = Status(self.folders.policy_file, self.snapshot.version, clock())
            how = self._how_it_came(standing, before=None) or "start"
            self._standing = self._recorded(standing, how, held)

    # --- watching

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` after every swap."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Follow the file and the folders from now on. Starts threads."""
        content = self._standing.content
        folders = (self.folders.contributions, self.folders.follows)
        self._watchers = (
            FileWatcher(self.folders.policy_file, content, self._file_changed, self._file_gone),
            FolderWatcher(folders, self._folders_changed),  # looks once at start
        )
        for watcher in self._watchers:
            watcher.start()

    def stop(self) -> None:
        """Follow them no more. Decisions go on."""
        watchers, self._watchers = self._watchers, ()
        for watcher in watchers:
            watcher.stop()

    def _file_changed(self, content: bytes) -> bool:
        """The watcher has read another content.

        :return: whether it is still there: else the watcher is to read again.
        """
        with self._change():
            try:
                standing = self._read(content)
                snapshot = self._compiled(standing)
                with self._locked_if_possible() as held:
                    is_there = self._is_in_the_file(content)
                    if is_there:
                        self._load(standing, snapshot, held)
                    return is_there
            except InvalidPolicy as error:
                self._refused(error.problems)
            except PolicyError as error:
                self._refused(_problems(error))
            return True

    def _is_in_the_file(self, content: bytes) -> bool:
        try:
            return read_policy_file(self.folders.policy_file) == content
        except UnreadableFile:
            return False

    def _load(self, standing: Standing, snapshot: Snapshot, held: Held | None) -> None:
        """Put in force what stands in the file, and record whatever has changed it."""
        if standing.content == self._standing.content:
            self.status = attrs.evolve(self.status, problems=())
            return
        how = self._how_it_came(standing, before=self._standing.content)
        if how == "hand edit":
            loaded = Freshness(Mark(int(self._clock())))
            standing = attrs.evolve(standing, freshness=standing.freshness.raised(loaded))
        if how is not None:
            standing = self._recorded(standing, how, held)
        self._swap(standing, snapshot)

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

    def _file_gone(self, error: PolicyError) -> None:
        with self._change():
            self._refused(_problems(error))

    def _refused(self, problems: tuple[Problem, ...]) -> None:
        if problems == self.status.problems:
            return
        version = self.snapshot.version
        self.status = attrs.evolve(self.status, problems=problems)
        log.error(
            "the policy file cannot be used, version %s stays in force: %s",
            version,
            "; ".join(map(str, problems)),
        )

    def _folders_changed(self) -> None:
        """Another process (or a hand) has changed contributions or follow lists."""
        with self._change():
            self._swap_if_other(self._read(self._standing.content))

    # --- signed events

    def apply(self, event: Event) -> Decision:
        """Apply a policy event (kind 12345), or say why not. All or nothing."""
        with self._change():
            try:
                self._examine(event, self._standing)  # before anybody waits for a lock
                with exclusive(self.folders.lock_file) as held:
                    standing = self._on_disk(held)
                    update = self._examine(event, standing)
                    if update.is_owner:
                        return self._apply_policy(update, standing, held)
                    return self._apply_contribution(event, standing, held)
            except RefusedUpdate as error:
                return Decision.reject(str(error))
            except InvalidPolicy as error:
                return Decision.reject(str(RefusedUpdate.for_content(error)))
            except PolicyError as error:
                return _not_written(error)

    def _examine(self, event: Event, standing: Standing) -> Update:
        return examine(
            event,
            now=int(self._clock()),
            owners=standing.owners,
            admins=standing.policy.policy_admins,
            relay_urls=self.settings.relay_urls,
            require_relay_tag=self.settings.require_relay_tag,
            freshness=standing.freshness,
        )

    def _apply_policy(self, update: Update, standing: Standing, held: Held) -> Decision:
        assert update.document is not None
        content = with_mark(update.document, update.mark, update.author)
        new = self._read(content)
        snapshot = self._compiled(new)
        now = int(self._clock())
        problems = replace_policy(
            self.folders,
            _entry(new, now, "event"),
            standing=_entry(standing, now, "event" if standing.came_in else "hand edit"),
            seen=standing.freshness.raised(new.freshness),
            held=held,
        )
        self._warn(problems)
        self._swap(new, snapshot)
        return Decision.accept(f"policy updated: version {snapshot.version}")

    def _apply_contribution(self, event: Event, standing: Standing, held: Held) -> Decision:
        contribution = contribution_in(event, standing.policy, standing.owners)
        check_fits(
            contribution,
            standing.policy,
            owners=standing.owners,
            standing=standing.contributions,
        )
        new = standing.with_contribution(contribution)
        snapshot = self._compiled(new)
        if contribution.is_full_policy:
            write_difference(self.folders.contributions, contribution)
        write_event(self.folders.contributions, event.id, _as_json(event))  # now it counts
        try:
            raise_freshness(self.folders.history, new.freshness, held)
            self._withdraw(_replaced_by(event.id, new), new, by=event.id)
        except PolicyError as error:
            self._warn((Problem("", f"a contribution is in force, but: {error}"),))
        self._swap(new, snapshot)
        what = "adds nothing" if contribution.adds_nothing else "contribution accepted"
        return Decision.accept(f"{what}: version {snapshot.version}")

    def names_contribution(self, event: Event) -> bool:
        """Whether a kind 5 would withdraw something: then it is for :meth:`withdraw`, too."""
        return bool(withdrawn_by(event, self._standing.authors, self._standing.owners))

    def withdraw(self, event: Event) -> Decision:
        """Withdraw the contributions that a kind 5 names, if its author may."""
        if not verify(event):
            return Decision.reject("invalid: the id or the signature is wrong")
        with self._change():
            try:
                with exclusive(self.folders.lock_file) as held:
                    standing = self._on_disk(held)
                    ids = withdrawn_by(event, standing.authors, standing.owners)
                    raise_freshness(self.folders.history, standing.freshness, held)
                    for event_id in ids:  # what it replaced too, should a crash have left it
                        replaced = _replaced_by(event_id, standing)
                        self._withdraw((*replaced, event_id), standing, by=event.id)
                    self._swap_if_other(self._read(standing.content))
                    version = self.snapshot.version
            except InvalidPolicy as error:
                return Decision.reject(str(RefusedUpdate.for_content(error)))
            except PolicyError as error:
                return _not_written(error)
        if not ids:
            return Decision.reject("blocked: none of your contributions is named")
        return Decision.accept(f"contribution withdrawn: version {version}")

    def _withdraw(self, event_ids: Iterable[str], standing: Standing, *, by: str) -> None:
        for event_id in event_ids:
            known = standing.known[event_id]
            remembered = Withdrawal(author=known.author, created_at=known.created_at, by=by)
            mark_withdrawn(self.folders.contributions, event_id, remembered)

    # --- follow lists

    @property
    def needed_lists(self) -> NeededLists:
        """Whose follow lists the policy in force needs, and whose are kept."""
        snapshot = self.snapshot
        if self._needed is None or self._needed[0] is not snapshot:
            self._needed = snapshot, needed_lists(snapshot.policy, snapshot.contributions)
        return self._needed[1]

    @property
    def missing_lists(self) -> frozenset[str]:
        """The authors whose lists decide something and are not known."""
        return self.needed_lists.needed - self._follows(self._standing).keys()

    @property
    def unknown_lists(self) -> frozenset[str]:
        """The authors whose lists are kept and are not known."""
        return self.needed_lists.kept - self._follows(self._standing).keys()

    def check_follow_lists(self) -> None:
        """At start, after the host has fed what it has stored.

        :raises MissingFollowLists: the policy file, which no event has changed, needs a list
            that nobody has, and the settings say ``stop``.
        """
        missing = self.missing_lists
        by_policy = missing & self.needed_lists.by_policy
        from_hand = self._standing.came_in is None
        if by_policy and from_hand and self.settings.missing_follow_lists == "stop":
            raise MissingFollowLists(
                f"the policy needs the follow lists of {_listed(by_policy)}, which nobody has; "
                "import them with `orly-policy follows import FILE` (signed kind 3 events), "
                "or start with missing follow lists as a warning"
            )
        if missing:
            log.warning("no follow list is known of %s: it grants nobody", _listed(missing))

    def follow(self, event: Event) -> None:
        """Take a follow list (kind 3), if it is needed, genuine and newer than what is known."""
        if event.kind != FOLLOW_LIST_KIND or event.pubkey not in self.needed_lists.kept:
            return
        if event.created_at - self._clock() > FURTHEST_AHEAD_SECONDS:
            log.warning("a follow list of %s is dated too far ahead: ignored", event.pubkey)
            return
        if not verify(event):
            log.warning("a follow list of %s is not genuine: ignored", event.pubkey)
            return
        with self._change():
            self._swap_if_other(self._with_follow_list(event, follow_list(event)))

    def _with_follow_list(self, event: Event, newer: FollowList) -> Standing:
        """What stands once the list is kept: on the disk, or else in memory."""
        try:
            with exclusive(self.folders.lock_file):
                standing = self._read(self._standing.content)
                if not newer.replaces(standing.follows.get(newer.author)):
                    return standing
                write_event(self.folders.follows, newer.author, _as_json(event))
                return _following(standing, newer)
        except PolicyError as error:
            self._warn((Problem("", f"a follow list is not kept: {error}"),))
            if not newer.replaces(self._standing.follows.get(newer.author)):
                return self._standing
            self._unkept[newer.author] = newer
            return _following(self._standing, newer)

    def give_follows(self, follows: Follows | None) -> None:
        """Use these follow lists in the place of those that were learned (``None``: no more)."""
        given = (
            None
            if follows is None
            else {author: frozenset(keys) for author, keys in follows.items()}
        )
        with self._change():
            if given != self._given:  # or a listener that calls this would never end
                self._given = given
                self._swap(self._standing, self._compiled(self._standing))

    # --- shared

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        """One change at a time; the listeners hear of it when its locks are free again."""
        try:
            with self._lock:
                yield
        finally:
            self._tell()

    @contextlib.contextmanager
    def _locked_if_possible(self) -> Iterator[Held | None]:
        """The lock between processes; none, with a warning, where the disk does not let us."""
        with contextlib.ExitStack() as stack:
            held = None
            try:
                held = stack.enter_context(exclusive(self.folders.lock_file))
            except (UnwritableFile, StateLocked) as error:
                self._warn((Problem("", f"the policy's history is not kept: {error}"),))
            yield held

    def _read(self, content: bytes) -> Standing:
        standing = read_standing(self.folders, content, self.settings.owners)
        self._warn(standing.problems)
        for newer in self._unkept.values():
            if newer.replaces(standing.follows.get(newer.author)):
                standing = _following(standing, newer)
        return attrs.evolve(standing, freshness=standing.freshness.raised(self._marks))

    def _on_disk(self, held: Held) -> Standing:
        """What stands on the disk now, which is what a change is made to.

        A file that the watcher has not told of yet is loaded first, as it would have been.
        """
        try:
            standing = self._read(read_policy_file(self.folders.policy_file))
            if standing.content == self._standing.content:
                return standing
            self._load(standing, self._compiled(standing), held)
        except InvalidPolicy as error:
            raise PolicyError(f"the policy file cannot be used as it is: {error}") from error
        return self._standing

    def _compiled(self, standing: Standing) -> Snapshot:
        return compile_policy(
            standing.policy,
            follows=self._follows(standing),
            owners=self.settings.owners,
            contributions=standing.contributions,
        )

    def _follows(self, standing: Standing) -> Follows:
        if self._given is not None:
            return self._given
        return {author: known.followed for author, known in standing.follows.items()}

    def _swap_if_other(self, standing: Standing) -> None:
        """Put in force what stands beside the same file, if anything that decides differs."""
        if _alike(standing, self._standing):
            self._standing = standing
        else:
            self._swap(standing, self._compiled(standing))

    def _swap(self, standing: Standing, snapshot: Snapshot) -> None:
        """Put a snapshot in force. Called with the lock held."""
        old, self.snapshot = self.snapshot, snapshot
        file_is_other = standing.content != self._standing.content
        self._standing = standing
        self._marks = self._marks.raised(standing.freshness)
        self.status = Status(
            self.folders.policy_file,
            snapshot.version,
            self.status.in_force_since if old.version == snapshot.version else self._clock(),
            () if file_is_other else self.status.problems,
        )
        if old.version != snapshot.version:
            log.info("policy version %s is in force (before: %s)", snapshot.version, old.version)
        self._untold.append((old, snapshot))

    def _tell(self) -> None:
        """Tell the listeners of all swaps; one thread at a time, so that their order is kept."""
        while self._untold and self._telling.acquire(blocking=False):
            try:
                while self._untold:
                    self._tell_of(*self._untold.popleft())
            finally:
                self._telling.release()

    def _tell_of(self, old: Snapshot, new: Snapshot) -> None:
        for listener in self._listeners:
            try:
                listener(old, new)
            except Exception:
                log.exception("a listener for policy changes failed")

    def _recorded(self, standing: Standing, how: How, held: Held | None) -> Standing:
        """Raise the marks on the disk and record the content, where that can be written."""
        raised = standing.freshness
        if held is not None:
            try:
                raised = raise_freshness(self.folders.history, raised, held)
                History(self.folders.history).record(
                    _entry(standing, int(self._clock()), how), held
                )
            except UnwritableFile as error:
                self._warn((Problem("", f"the policy's history is not kept: {error}"),))
        self._marks = self._marks.raised(raised)
        return attrs.evolve(standing, freshness=raised)

    def _warn(self, problems: tuple[Problem, ...]) -> None:
        """Say each problem once."""
        for problem in problems:
            if problem not in self._warned:
                log.warning("%s", problem)
        self._warned |= frozenset(problems)


def _entry(standing: Standing, now: int, how: How) -> Entry:
    came_in = standing.came_in if how == "event" else None
    return Entry(
        version=policy_version(standing.policy),
        recorded_at=now,
        how=how,
        author=came_in.author if came_in else None,
        event_id=came_in.mark.event_id if came_in else None,
        content=standing.content,
    )


def _following(standing: Standing, newer: FollowList) -> Standing:
    return attrs.evolve(standing, follows={**standing.follows, newer.author: newer})


def _alike(one: Standing, other: Standing) -> bool:
    """Whether nothing that decides differs."""
    return one.contributions == other.contributions and one.follows == other.follows


def _replaced_by(event_id: str, standing: Standing) -> tuple[str, ...]:
    """An admin's full policy takes the place of her earlier ones, for good."""
    fulls = [one for one in standing.all_contributions if one.is_full_policy]
    return tuple(
        other.event_id
        for new in fulls
        for other in fulls
        if new.event_id == event_id
        and new.admin == other.admin
        and (other.created_at, other.event_id) < (new.created_at, new.event_id)
    )


def _is_newer(mark: Mark | None, than: Mark | None) -> bool:
    return mark is not None and (than is None or mark > than)


def _problems(error: PolicyError) -> tuple[Problem, ...]:
    return error.problems if isinstance(error, InvalidPolicy) else (Problem("", str(error)),)


def _not_written(error: PolicyError) -> Decision:
    log.error("a policy event could not be applied: %s", error)
    if isinstance(error, UnwritableFile):
        return Decision.reject(_UNWRITABLE)
    return Decision.reject("error: the policy cannot be changed now")


def _as_json(event: Event) -> dict[str, object]:
    """The event as a JSON value."""
    return json.loads(  # type: ignore[no-any-return]
        json.dumps(
            {
                "id": event.id,
                "pubkey": event.pubkey,
                "created_at": event.created_at,
                "kind": event.kind,
                "tags": event.tags,
                "content": event.content,
                "sig": event.sig,
            }
        )
    )


def _listed(keys: frozenset[str]) -> str:
    return ", ".join(sorted(keys))
