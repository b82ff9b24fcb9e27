"""A program puts a policy into the file: as an edit by hand, but checked before it is written."""

import attrs

from ..authority.freshness import Freshness, Mark
from ..decisions import Snapshot
from ..decisions.snapshot import version_in_force
from ..errors import UnreadableFile
from ..policy import InvalidPolicy, Policy, Problem, read_policy, write_policy
from ..scripts import check_scripts
from ..state.freshness_file import raise_freshness
from ..state.history import Entry
from ..state.locks import Held, exclusive
from ..state.policy_mark import mark_of
from ..state.replacing import keep_unusable, replace_policy
from ..state.standing import Standing
from .in_force import InForce, history_entry


class Replacing:
    """Puts policies in the place of the one that stands."""

    def __init__(self, force: InForce) -> None:
        self._force = force

    def replace(self, policy: Policy | bytes) -> Snapshot:
        """Put a policy into the file and in force: see :meth:`.PolicyPlugin.replace_policy`."""
        content = policy if isinstance(policy, bytes) else write_policy(policy)
        if len(content) > (most := self._force.settings.largest_policy_bytes):
            raise InvalidPolicy([Problem("", f"the policy has {len(content)} bytes, over {most}")])
        check_scripts(read_policy(content), self._force.folders.scripts_from)
        with self._force.change(), exclusive(self._force.folders.lock_file) as held:
            stood = self._what_stands(held)
            if stood is None or stood.content != content:
                self._write(content, stood, held)
            self._force.nothing_is_wrong()
            return self._force.snapshot

    def _what_stands(self, held: Held) -> Standing | None:
        """What stands in the file, loaded first if nobody has told of it yet; ``None`` where
        there is no file, or one that cannot be used, which is kept aside.
        """
        file = self._force.folders.policy_file
        try:
            return self._force.load_from_disk(held)
        except UnreadableFile:
            if file.exists():
                raise
        except InvalidPolicy:
            self._keep_aside(self._force.read_file(), held)
        return None

    def _keep_aside(self, content: bytes, held: Held) -> None:
        """Its mark counts all the same, as in a file that can be used."""
        folders = self._force.folders
        raise_freshness(folders.history, Freshness(mark_of(content)), held)
        kept = keep_unusable(folders, content, int(self._force.clock()), held)
        what = f"what stood in the policy file could not be used; it is kept as {kept}"
        self._force.warn((Problem("", what),))

    def _write(self, content: bytes, stood: Standing | None, held: Held) -> None:
        now = int(self._force.clock())
        new = self._force.read(content)
        new = attrs.evolve(new, freshness=new.freshness.with_owner(Mark(now)))
        snapshot = self._force.compiled(new)
        problems = replace_policy(
            self._force.folders,
            history_entry(new, snapshot.version, now, "hand edit"),
            standing=None if stood is None else self._entry_of(stood, now),
            seen=new.freshness,
            held=held,
        )
        self._force.warn(problems)
        self._force.swap(new, snapshot)

    def _entry_of(self, stood: Standing, now: int) -> Entry:
        version = version_in_force(stood.policy, stood.contributions)
        return history_entry(stood, version, now, "event" if stood.came_in else "hand edit")
