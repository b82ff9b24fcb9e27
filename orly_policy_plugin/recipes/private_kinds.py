"""The rules that keep private messages to their parties."""

from typing import Final

from ..decisions.private import PRIVATE_KINDS
from .recipe import Json

_DESCRIPTIONS: Final = {
    4: "Direct messages (NIP-04)",
    13: "Seals (NIP-59)",
    14: "Private messages (NIP-17)",
    1059: "Gift wraps (NIP-59)",
    1060: "Group messages",
}
PRIVATE: Final = tuple(sorted(PRIVATE_KINDS))
ARE_PRIVATE: Final = "4, 13, 14, 1059, 1060: read by the author and those in p tags."
ARE_CLOSED: Final = "Private messages (kinds 4, 13, 14, 1059, 1060) are not taken here at all."


def private_rules() -> Json:
    """A rule for each private kind."""
    return {
        str(kind): {"description": _DESCRIPTIONS[kind], "privileged": True} for kind in PRIVATE
    }
