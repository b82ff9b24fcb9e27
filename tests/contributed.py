"""Generated contributions, shared by the laws of what they may do."""

from collections.abc import Mapping
from typing import Any

from examples import NOW, AnEvent
from hypothesis import strategies as st
from strategies import keys, kinds, rules

from orly_policy_plugin.decisions import Snapshot

key_lists = st.lists(keys, max_size=3)
limits = st.sampled_from((0, 5, 100, 400, 500, 100_000))

ADDS: dict[str, st.SearchStrategy[Any]] = {
    "write_allow_add": key_lists,
    "read_allow_add": key_lists,
    "size_limit_override": limits,
    "content_limit_override": limits,
    "max_age_of_event_override": limits,
    "max_age_event_in_future_override": limits,
    "write_allow_follows": st.booleans(),
    "follows_whitelist_admins_add": key_lists,
}
DENIES = {"write_deny_add": key_lists, "read_deny_add": key_lists}


@st.composite
def extensions(draw: st.DrawFn, fields: Mapping[str, Any]) -> dict[str, Any]:
    """An extension as JSON."""
    names = draw(st.lists(st.sampled_from(sorted(fields)), max_size=3, unique=True))
    return {name: draw(fields[name]) for name in names}


@st.composite
def contents(draw: st.DrawFn, fields: Mapping[str, Any], *parts: str) -> dict[str, Any]:
    """A contribution's content as JSON, with some of the parts."""
    possible = {
        "kind_whitelist_add": st.lists(kinds, max_size=3),
        "kind_blacklist_add": st.lists(kinds.filter(lambda kind: kind not in (3, 5)), max_size=2),
        "rules_extend": st.dictionaries(kinds.map(str), extensions(fields), max_size=2),
        "rules_add": st.dictionaries(kinds.map(str), rules(), max_size=2),
        "global_extend": extensions(fields),
    }
    return {name: draw(possible[name]) for name in parts if draw(st.booleans())}


EVERYTHING = contents(
    ADDS | DENIES,
    "kind_whitelist_add",
    "kind_blacklist_add",
    "rules_extend",
    "rules_add",
    "global_extend",
)
ONLY_ADDS = contents(ADDS, "kind_whitelist_add", "rules_extend", "global_extend")
ONLY_DENIES = contents(DENIES, "kind_blacklist_add", "rules_extend", "global_extend")


def allowed(snapshot: Snapshot, access: str, event: AnEvent, who: tuple[str, ...]) -> bool:
    """What the snapshot says; the explanation must say the same."""
    decide = snapshot.write if access == "write" else snapshot.read
    decision = decide(event, who, NOW)
    explained = snapshot.explain(access, event, who, NOW)  # type: ignore[arg-type]
    assert explained.decision == decision
    return decision.accepted


accesses = st.sampled_from(("write", "read"))
