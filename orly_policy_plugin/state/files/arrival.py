"""How a policy came into its file that no change of this process has put there. It is a guess:
whoever edits a file leaves no word.
"""

from ...authority.freshness import Freshness, Mark
from ..entry import How
from ..policy_mark import mark_of


def how_it_came(
    content: bytes,
    mark: Mark | None,
    recorded: bytes | None,
    in_force: bytes | None,
    applied: Freshness,
) -> How | None:
    """The way in which a content came into the file; ``None`` where that is recorded already.

    Every process that applies an event records the content under the lock. So what is not
    recorded is a hand edit, unless it has a newer mark than any: then a crash came in between.

    :param mark: of the event that it names.
    :param recorded: the newest content in the history.
    :param in_force: what was in force before; ``None`` at start.
    :param applied: the highest marks that are known.
    """
    if recorded is None and in_force is None:
        return "start"
    if recorded == content:
        return None
    before = recorded if recorded is not None else in_force
    if mark is None or before is None or not _is_newer(mark, mark_of(before)):
        return "hand edit"
    return "hand edit" if _is_newer(applied.owner, mark) else "event"


def _is_newer(mark: Mark | None, than: Mark | None) -> bool:
    return mark is not None and (than is None or mark > than)
