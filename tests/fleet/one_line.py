"""The history of a fleet is one line: each version follows from the one before it."""

from collections.abc import Collection, Sequence

from orly_policy_plugin.policy import read_policy
from orly_policy_plugin.state import Entry
from orly_policy_plugin.state.policy_mark import mark_of


def check_one_line(history: Sequence[Entry], withdrawn: Collection[str]) -> None:
    """Check that nothing in a history has come back, and nothing has gone that nobody took away.

    :param history: oldest first, from the start on; no contribution adds nothing, and no policy is
        sent twice.
    :param withdrawn: the contributions that are, in the end.
    """
    first, *later = history
    assert first.how == "start"
    assert not first.contributions
    ids = [entry.event_id for entry in history if entry.event_id is not None]
    assert len(ids) == len(set(ids))
    standing: dict[str, str] = {}
    contents, mark = [first.content], mark_of(first.content)
    for entry in later:
        if entry.how in ("contribution", "withdrawal"):
            assert entry.content == contents[-1]
        else:
            assert entry.how in ("event", "hand edit")
            assert entry.content not in contents
            contents.append(entry.content)
        if entry.how == "event":
            newer = mark_of(entry.content)
            assert newer is not None
            assert mark is None or newer > mark
            mark = newer
        if entry.how == "contribution":
            assert entry.event_id is not None
            assert entry.author is not None
            standing[entry.event_id] = entry.author
        admins = read_policy(entry.content).policy_admins
        gone = {
            event_id
            for event_id, author in standing.items()
            if author in admins and event_id not in entry.contributions
        }
        assert entry.contributions.keys() <= standing.keys() - gone
        assert gone <= set(withdrawn)
        assert gone or entry.how != "withdrawal"
        standing = {name: author for name, author in standing.items() if name not in gone}
