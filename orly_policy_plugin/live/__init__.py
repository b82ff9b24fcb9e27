"""The policy in force, and every way in which it changes.

::

    in_force         the snapshot, its state, and swapping it: one change at a time
     +-- listeners        telling of swaps, when no lock is held
    operators_file   what the operator saves on a node whose policy is in a store elsewhere
    watching         somebody else has changed what the store holds
    change_thread    where signed events are applied, and follow lists taken
    updates          signed events: owners' policies, admins' contributions, withdrawals
    replacing        a program's call
    follow_lists     kind 3
    named_lists      the files of the lists that the policy names
    next_start       whether the policy in force would start again

What is not a coroutine may block (locks, the disk) and needs a thread of its own; a decision reads
:attr:`InForce.snapshot` and nothing else.
"""

from .change_thread import OWNERS_FIRST, ChangeThread
from .follow_lists import FollowLists, MissingFollowLists
from .in_force import InForce, ListStatus, Status
from .listeners import Listener
from .named_lists import NamedLists
from .next_start import NextStart
from .operators_file import OperatorsFile
from .replacing import replace_policy
from .updates import Updates
from .watching import Watching

__all__ = [
    "OWNERS_FIRST",
    "ChangeThread",
    "FollowLists",
    "InForce",
    "ListStatus",
    "Listener",
    "MissingFollowLists",
    "NamedLists",
    "NextStart",
    "OperatorsFile",
    "Status",
    "Updates",
    "Watching",
    "replace_policy",
]
