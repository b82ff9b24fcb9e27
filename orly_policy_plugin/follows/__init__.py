"""Follow lists (kind 3, NIP-02): whose lists a policy needs, and which is the newest. Pure."""

from .lists import FollowList, follow_list
from .needed import NeededLists, needed_lists

__all__ = ["FollowList", "NeededLists", "follow_list", "needed_lists"]
