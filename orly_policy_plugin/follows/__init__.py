"""Authors' lists of people (NIP-02, NIP-51): which a policy needs, which is the newest. Pure."""

from .lists import FollowList, follow_list, is_follow_list, kept_as, name_of
from .needed import NeededLists, needed_lists
from .two_hops import TwoHops

__all__ = [
    "FollowList",
    "NeededLists",
    "TwoHops",
    "follow_list",
    "is_follow_list",
    "kept_as",
    "name_of",
    "needed_lists",
]
