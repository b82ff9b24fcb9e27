"""The copy that a node keeps of what the store holds, in its state folder.

It is a store of files: what is in it is verified when it is read, its marks only rise, and what is
withdrawn stays so. A node starts with it where the database does not answer, and knows by it a
database that is older than what the node has seen.
"""

import json
from pathlib import Path
from typing import Final

from orly_policy_hookspecs import Event

from ...atomic import write_atomically
from ...errors import PolicyError, Unreadable
from ...follows import FollowList
from ...policy.strict_json import decode_json
from ..entry import Entry
from ..files import FileStore
from ..store import (
    ContributionAdded,
    ContributionsWithdrawn,
    FirstLists,
    FollowListsKept,
    PolicyReplaced,
    Recorded,
    Stored,
)
from .line import Seen

FOLDER: Final = "policy-copy"
"""In the state folder."""
_MOST_BYTES: Final = 10_000


class Copy:
    """The copy of one fleet's policy. It need not be there."""

    def __init__(self, state_folder: Path, most_bytes: int) -> None:
        self.folder = state_folder / FOLDER
        self._files = FileStore(self.folder / "policy.json", most_bytes=most_bytes)
        self._seen_file = self.folder / "seen.json"

    def seen(self) -> Seen | None:
        """The revision of the store that was seen last.

        :raises Unreadable: it is there and says nothing that could be used.
        """
        try:
            with self._seen_file.open("rb") as file:
                return Seen.of_json(decode_json(file.read(_MOST_BYTES)))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise Unreadable(
                f"{self._seen_file} cannot be used: {error}; without it nobody knows whether the "
                f"database is older than what was seen here. Remove {self.folder} to begin anew"
            ) from error

    def has_policy(self) -> bool:
        """Whether there is a copy."""
        return self._files.has_policy()

    def read_policy(self) -> bytes:
        """See :meth:`.Store.read_policy`."""
        return self._files.read_policy()

    def read(self, first_lists: FirstLists, policy: bytes | None = None) -> Stored:
        """See :meth:`.Store.read`."""
        return self._files.read(first_lists, policy)

    def what_never_falls(self) -> Stored:
        """The marks, what is withdrawn, and the lists, whatever the policy is."""
        return self._files.read(lambda _: frozenset(), b"")

    def keep(
        self,
        seen: Seen,
        entry: Entry,
        stored: Stored,
        lists: dict[str, tuple[FollowList, Event]],
    ) -> None:
        """Keep what the store holds; of several processes of a node one does it.

        :param entry: the newest of the history, with the policy that is stored.
        :param lists: those that the copy may lack.
        :raises PolicyError: some of it is not kept; it may be called again.
        """
        with self._files.exclusive() as step:
            kept = step.read(lambda _: frozenset(), stored.content)
            for event_id, contribution in stored.contributions.items():
                if kept.contributions.get(event_id) != contribution:
                    step.apply(
                        ContributionAdded(
                            event_id=event_id,
                            contribution=contribution,
                            entry=entry,
                            freshness=stored.freshness,
                        )
                    )
            withdrawn = {
                event_id: each
                for event_id, each in stored.withdrawn.items()
                if each is not None and event_id not in kept.withdrawn
            }
            if withdrawn:
                step.apply(
                    ContributionsWithdrawn(
                        withdrawn=withdrawn, entry=entry, freshness=stored.freshness
                    )
                )
            step.apply(FollowListsKept(lists))
            if not self.has_policy() or step.read_policy() != stored.content:
                problems = step.apply(PolicyReplaced(entry=entry, freshness=stored.freshness))
            else:
                problems = step.apply(Recorded(entry, stored.freshness))
            if problems:
                raise PolicyError("; ".join(map(str, problems)))
            write_atomically(self._seen_file, json.dumps(_json(seen)).encode() + b"\n")


def _json(seen: Seen) -> dict[str, int | str]:
    return {"revision": seen.revision, "token": seen.token}
