"""The policy in force, and every way in which it changes: the file, signed events, follow lists.

Everything here may block (locks, the disk) and belongs on a thread of its own; a decision reads
:attr:`PolicyKeeper.snapshot` and nothing else. Changes are made one at a time: in this process by
a lock of its own, between processes by the lock in ``policy-history``, always in that order.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import attrs

from orly_policy_hookspecs import Decision, Event

from .authority import verify
from .authority.contributions import Contribution
from .authority.fitting import check_fits
from .authority.freshness import Freshness, Mark
from .authority.policy_events import FURTHEST_AHEAD_SECONDS, RefusedUpdate, Update, examine
from .authority.withdrawals import withdrawn_by
from .decisions import Follows, Snapshot, compile_policy
from .errors import PolicyError
from .follows import FollowList, NeededLists, follow_list, needed_lists
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
"""Told the old and the new snapshot after every swap, on the thread that made it."""


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
        self._changing = threading.RLock()
        self._listeners: list[Listener] = []
        self._watchers: tuple[FileWatcher | FolderWatcher, ...] = ()
        self._given: Mapping[str, frozenset[str]] | None = None
        self._warned: frozenset[Problem] = frozenset()
        self._standing = self._read(read_policy_file(self.folders.policy_file))
        self.snapshot = self._compiled(self._standing)
        """The policy in force. One attribute, replaced whole."""
        self.status = Status(self.folders.policy_file, self.snapshot.version, clock())
        self._keep_marks(self._standing, self._how_it_came(), Freshness())

    def _how_it_came(self) -> How:
        """How the file that is there at start came to be, as far as the history tells."""
        if next(History(self.folders.history).entries([]), None) is None:
            return "start"
        applied = load_freshness(self.folders.history).owner
        came_in = self._standing.came_in
        return "event" if came_in and _is_newer(came_in.mark, applied) else "hand edit"

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
            FolderWatcher(folders, self._folders_changed),
        )
        for watcher in self._watchers:
            watcher.start()

    def stop(self) -> None:
        """Follow them no more. Decisions go on."""
        watchers, self._watchers = self._watchers, ()
        for watcher in watchers:
            watcher.stop()

    def _file_changed(self, content: bytes) -> None:
        with self._changing:
            if content == self._standing.content:
                self.status = attrs.evolve(self.status, problems=())
                return
            try:
                standing = self._read(content)
                snapshot = self._compiled(standing)
            except PolicyError as error:
                self._refused(_problems(error))
                return
            by_event = _is_newer(mark_of(content), mark_of(self._standing.content))
            by_hand = Freshness(None if by_event else Mark(int(self._clock())))
            self._swap(standing, snapshot)
            self._keep_marks(standing, "event" if by_event else "hand edit", by_hand)

    def _file_gone(self, error: PolicyError) -> None:
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
        with self._changing:
            standing = self._read(self._standing.content)
            if not _alike(standing, self._standing):
                self._swap(standing, self._compiled(standing))

    # --- signed events

    def apply(self, event: Event) -> Decision:
        """Apply a policy event (kind 12345), or say why not. All or nothing."""
        with self._changing:
            try:
                self._examine(event, self._standing)  # before anybody waits for a lock
                with exclusive(self.folders.lock_file) as held:
                    standing = self._on_disk()
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
        write_event(self.folders.contributions, event.id, _as_json(event))
        raise_freshness(self.folders.history, new.freshness, held)
        self._withdraw_replaced(contribution, standing)
        self._swap(self._read(standing.content), snapshot)
        what = "adds nothing" if contribution.adds_nothing else "contribution accepted"
        return Decision.accept(f"{what}: version {snapshot.version}")

    def _withdraw_replaced(self, contribution: Contribution, standing: Standing) -> None:
        """An admin's full policy takes the place of her earlier ones, for good."""
        if not contribution.is_full_policy:
            return
        for other in standing.all_contributions:
            if other.is_full_policy and other.admin == contribution.admin:
                self._withdraw(other.event_id, standing, by=contribution.event_id)

    def names_contribution(self, event: Event) -> bool:
        """Whether a kind 5 would withdraw something: then it is for :meth:`withdraw`, too."""
        return bool(withdrawn_by(event, self._standing.authors, self._standing.owners))

    def withdraw(self, event: Event) -> Decision:
        """Withdraw the contributions that a kind 5 names, if its author may."""
        with self._changing:
            try:
                if not verify(event):
                    return Decision.reject("invalid: the id or the signature is wrong")
                with exclusive(self.folders.lock_file) as held:
                    standing = self._on_disk()
                    ids = withdrawn_by(event, standing.authors, standing.owners)
                    raise_freshness(self.folders.history, standing.freshness, held)
                    for event_id in ids:
                        self._withdraw(event_id, standing, by=event.id)
                    new = self._read(standing.content)
                    self._swap(new, self._compiled(new))
            except InvalidPolicy as error:
                return Decision.reject(str(RefusedUpdate.for_content(error)))
            except PolicyError as error:
                return _not_written(error)
        if not ids:
            return Decision.reject("blocked: none of your contributions is named")
        return Decision.accept(f"contribution withdrawn: version {self.snapshot.version}")

    def _withdraw(self, event_id: str, standing: Standing, *, by: str) -> None:
        made = next(one for one in standing.all_contributions if one.event_id == event_id)
        remembered = Withdrawal(author=made.admin, created_at=made.created_at, by=by)
        mark_withdrawn(self.folders.contributions, event_id, remembered)

    # --- follow lists

    @property
    def needed_lists(self) -> NeededLists:
        """Whose follow lists the policy in force needs, and whose are kept."""
        return needed_lists(self.snapshot.policy, self.snapshot.contributions)

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
        if event.pubkey not in self.needed_lists.kept:
            return
        if event.created_at - self._clock() > FURTHEST_AHEAD_SECONDS:
            log.warning("a follow list of %s is dated too far ahead: ignored", event.pubkey)
            return
        if not verify(event):
            log.warning("a follow list of %s is not genuine: ignored", event.pubkey)
            return
        with self._changing:
            self._keep_follow_list(event, follow_list(event))

    def _keep_follow_list(self, event: Event, newer: FollowList) -> None:
        try:
            with exclusive(self.folders.lock_file):
                standing = self._read(self._standing.content)
                if newer.replaces(standing.follows.get(newer.author)):
                    write_event(self.folders.follows, newer.author, _as_json(event))
                    standing = _following(standing, newer)
        except (UnwritableFile, StateLocked) as error:
            self._warn((Problem("", f"a follow list is not kept: {error}"),))
            standing = self._standing
            if newer.replaces(standing.follows.get(newer.author)):
                standing = _following(standing, newer)
        if not _alike(standing, self._standing):
            self._swap(standing, self._compiled(standing))

    def give_follows(self, follows: Follows | None) -> None:
        """Use these follow lists in the place of those that were learned (``None``: no more)."""
        with self._changing:
            self._given = (
                None
                if follows is None
                else {author: frozenset(keys) for author, keys in follows.items()}
            )
            self._swap(self._standing, self._compiled(self._standing))

    # --- shared

    def _read(self, content: bytes) -> Standing:
        standing = read_standing(self.folders, content, self.settings.owners)
        self._warn(standing.problems)
        return standing

    def _on_disk(self) -> Standing:
        """What stands on the disk now: under the lock, what a change is made to."""
        try:
            return self._read(read_policy_file(self.folders.policy_file))
        except InvalidPolicy as error:
            raise PolicyError(f"the policy file cannot be used as it is: {error}") from error

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

    def _swap(self, standing: Standing, snapshot: Snapshot) -> None:
        """Put a snapshot in force, and tell. Called with the lock held."""
        old, self.snapshot = self.snapshot, snapshot
        self._standing = standing
        self.status = Status(self.folders.policy_file, snapshot.version, self._clock())
        if old.version != snapshot.version:
            log.info("policy version %s is in force (before: %s)", snapshot.version, old.version)
        for listener in self._listeners:
            try:
                listener(old, snapshot)
            except Exception:
                log.exception("a listener for policy changes failed")

    def _keep_marks(self, standing: Standing, how: How, more: Freshness) -> None:
        """Raise the marks on the disk and record the content, where that can be written."""
        seen = standing.freshness.raised(more)
        try:
            with exclusive(self.folders.lock_file) as held:
                raised = raise_freshness(self.folders.history, seen, held)
                History(self.folders.history).record(
                    _entry(standing, int(self._clock()), how), held
                )
        except (UnwritableFile, StateLocked) as error:
            self._warn((Problem("", f"the policy's history is not kept: {error}"),))
            raised = seen
        self._standing = attrs.evolve(standing, freshness=raised)

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
