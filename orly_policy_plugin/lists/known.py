"""The lists that were read: the last good content of each counts until there is a better one."""

import contextlib
import hashlib
import threading
from collections.abc import Mapping
from pathlib import Path

import attrs

from orly_policy_hookspecs.nip01 import Address

from ..errors import Unreadable
from ..follows import FollowList, TwoHops, is_follow_list, name_of
from ..follows.two_hops import MOST_LISTS
from ..policy import InvalidPolicy, Lists, ListSource, Policy, Problem
from .content import keys_in
from .files import read_file


class UnreadableLists(InvalidPolicy):
    """A policy names lists that cannot be read, and never were: whom they would let in or keep out
    is not known. The messages are for the operator: they may quote lines of files.
    """


@attrs.frozen
class KnownList:
    """A list as it was last read."""

    keys: frozenset[str] | None = attrs.field(default=None, repr=False)
    """Of the last good content; ``None`` where there was none."""
    digest: bytes = b""
    """Of the last good content."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with its file as it is now, each with its place."""

    def after(
        self, source: ListSource, report: bytes | Unreadable, prepared: "KnownList"
    ) -> "KnownList":
        """What is known when its file has this content, or cannot be read.

        :param prepared: what was read of a content that may be the same.
        """
        if isinstance(report, Unreadable):
            return attrs.evolve(self, problems=(Problem("", str(report)),))
        digest = hashlib.sha256(report).digest()
        if digest == self.digest:
            return attrs.evolve(self, problems=())
        if digest == prepared.digest:
            return prepared
        try:
            return KnownList(keys_in(source, report), digest)
        except InvalidPolicy as error:
            return attrs.evolve(self, problems=error.problems)


_NOTHING_KNOWN = KnownList()


class KnownLists:
    """The lists of the policy in force, and of those that are about to be.

    A list in force is told of by whoever follows its file: see :meth:`take`. Any other is read
    when a policy is resolved. It may be used from any thread.

    :param folder: the policy file's, to which paths are relative.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._known: Mapping[ListSource, KnownList] = {}
        self._prepared: Mapping[ListSource, KnownList] = {}
        self._hops: Mapping[str, TwoHops] = {}  # by root
        self._hops_lock = threading.Lock()
        self._in_force: frozenset[ListSource] = frozenset()

    def resolve(self, policy: Policy, kept: Mapping[str, FollowList]) -> Lists:
        """The keys of all lists of a policy. Lists with the same source share their set. A list
        that is made of events is left out where none is known that could be it.

        :param kept: the lists of people that are known, by the name under which each is kept.
        :raises UnreadableLists: with every list whose file has no good content.
        """
        lists: dict[str, frozenset[str]] = {}
        problems: list[Problem] = []
        for name, source in policy.lists.items():
            if source.path is None:
                if (keys := self._of_events(source, kept)) is not None:
                    lists[name] = keys
                continue
            is_in_force = source in self._in_force
            known = self.known(source)
            if known.keys is None or not is_in_force:
                known = self._read(source)
            # What was read for a policy that never came into force is not to fall back on.
            if known.keys is None or (known.problems and not is_in_force):
                problems += (each.within(f"lists.{name}") for each in known.problems)
            else:
                lists[name] = known.keys
        if problems:
            raise UnreadableLists(problems)
        return lists

    def use(self, policy: Policy) -> None:
        """Remember that this policy is in force, and forget the lists that it has not."""
        with self._lock:
            self._in_force = frozenset(policy.lists.values())
            self._known = self._of_those_in_force(self._known)
            self._prepared = self._of_those_in_force(self._prepared)
        self._use_hops()

    def _use_hops(self) -> None:
        with self._hops_lock:
            needed: dict[str, list[int]] = {}
            for source in self._in_force:
                if source.follows_of is not None and source.followers is not None:
                    needed.setdefault(source.follows_of, []).append(source.followers)
            self._hops = {root: self._hops[root] for root in self._hops.keys() & needed}
            for root, hops in self._hops.items():
                hops.forget_all_but(needed[root])

    def known(self, source: ListSource) -> KnownList:
        """What is known of a list."""
        return self._known.get(source, _NOTHING_KNOWN)

    def take(self, source: ListSource, report: bytes | Unreadable) -> tuple[KnownList, KnownList]:
        """Take what a list's file says now, or why it cannot be read.

        :return: what was known before, and what is known now.
        """
        before = self.known(source)
        now = before.after(source, report, self._prepared.get(source, _NOTHING_KNOWN))
        with self._lock:
            self._known = {**self._known, source: now}
            self._prepared = {of: each for of, each in self._prepared.items() if of != source}
        return before, now

    def prepare(self, source: ListSource, content: bytes) -> None:
        """Read the keys of what a list's file may be about to say: the file is read before it has
        settled, and a million keys take half a second.
        """
        digest = hashlib.sha256(content).digest()
        if digest in (
            self.known(source).digest,
            self._prepared.get(source, _NOTHING_KNOWN).digest,
        ):
            return
        with contextlib.suppress(InvalidPolicy):  # told if this is what it comes to
            prepared = KnownList(keys_in(source, content), digest)
            with self._lock:
                self._prepared = {**self._prepared, source: prepared}

    def _of_events(
        self, source: ListSource, kept: Mapping[str, FollowList]
    ) -> frozenset[str] | None:
        """The keys of a list that is made of events; ``None`` where it is not known."""
        assert source.address is not None
        root = kept.get(name_of(source.address))
        if root is None or len(root.followed) < source.least:
            return None
        if source.followers is None:
            return root.followed
        with self._hops_lock:
            if root.author not in self._hops:
                self._hops = {**self._hops, root.author: TwoHops(root)}
            hops = self._hops[root.author]
            hops.follow(root)
            for name, each in kept.items():  # needed otherwise, or imported
                if each.author in hops.authors and is_follow_list(name):
                    hops.take(each)
            return hops.keys(source.followers)

    @property
    def counted(self) -> frozenset[Address]:
        """The follow lists that count for two hops."""
        return frozenset().union(*(hops.addresses for hops in self._hops.values()))

    def counts(self, author: str) -> bool:
        """Whether an author's follow list counts for two hops, or may soon. Waits for nobody."""
        return any(hops.looks_at(author) for hops in self._hops.values())

    def count(self, newer: FollowList) -> bool:
        """Count a follow list for two hops; return whether a list has other keys by it."""
        with self._hops_lock:
            is_other = [hops.take(newer) for hops in self._hops.values()]
        return any(is_other)

    def left_out(self, source: ListSource) -> tuple[Problem, ...]:
        """The problem of follow lists that are too many to count, if they are."""
        hops = self._hops.get(source.follows_of or "")
        if hops is None or not hops.left_out:
            return ()
        why = f"the follow lists of {MOST_LISTS:,} are counted, {hops.left_out:,} are left out"
        return (Problem("", f"{source.follows_of} follows too many: {why}"),)

    def note(self, source: ListSource, problems: tuple[Problem, ...]) -> bool:
        """Note what is wrong with the newest event of a list; return whether that is news."""
        with self._lock:
            is_news = problems != self.known(source).problems
            self._known = {**self._known, source: KnownList(problems=problems)}
        return is_news

    def problems(self, policy: Policy) -> tuple[Problem, ...]:
        """What was wrong with the files of a policy's lists when they were last read."""
        return tuple(
            problem.within(f"lists.{name}")
            for name, source in policy.lists.items()
            if source.path is not None
            for problem in self.known(source).problems
        )

    def _of_those_in_force(
        self, lists: Mapping[ListSource, KnownList]
    ) -> Mapping[ListSource, KnownList]:
        return {source: lists[source] for source in lists.keys() & self._in_force}

    def _read(self, source: ListSource) -> KnownList:
        report: bytes | Unreadable
        try:
            report = read_file(source, self._folder)
        except Unreadable as error:
            report = error
        return self.take(source, report)[1]
