"""Generated policies, events and submitters, shared by the laws."""

from typing import Any

from depth import times
from examples import KEYS, NOW, AnEvent
from hypothesis import settings
from hypothesis import strategies as st

many = settings(max_examples=times(20, 1_000))
some = settings(max_examples=times(15, 500))

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(("", "1", "allow", "deny", "a" * 64, "P1D", "(", 2**64, -1, 0, 1, "\ud800")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=6) | st.sampled_from(("1", "_c", "kind")), inner, max_size=4
        )
    ),
    max_leaves=8,
)

DURATIONS = {
    "PT1S": 1,
    "pt1.9s": 1,
    "PT1M": 60,
    "PT0.5H": 1_800,
    "P1D": 86_400,
    "P1W": 604_800,
    "P1M": 2_628_000,
    "P1YT1M": 31_536_060,
}

# Written alike in RE2 and in Python's re; no value below holds a line break.
REGEXES = ("a", "^[a-z]+$", "^.{0,4}$", "[0-9]", "^$", "^(note|post)-[0-9]+$", "^.*$")

NPUB = "npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6"
NPUB_HEX = "3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d"
"""The example of NIP-19."""

TAG_NAMES = ("p", "e", "d", "t", "-", "expiration", "client")
KINDS = (0, 1, 3, 4, 1059, 30023)

keys = st.sampled_from(KEYS)
written_keys = keys | keys.map(str.upper) | st.just(NPUB)
pubkey_lists = st.lists(written_keys, max_size=3)
kinds = st.sampled_from(KINDS)
tag_names = st.lists(st.sampled_from(TAG_NAMES), max_size=3)

_LIMITS = st.sampled_from((0, 1, 5, 60, 100, 420, 450, 1_000, 86_400))
_OFTEN_OFF = st.sampled_from((0, 0, 60, 86_400))

_CONSTRAINTS: dict[str, st.SearchStrategy[Any]] = {
    "size_limit": st.sampled_from((0, 300, 380, 420, 450, 500, 10_000)),
    "content_limit": st.sampled_from((0, 5, 6, 7, 100)),
    "must_have_tags": st.lists(st.sampled_from(TAG_NAMES), max_size=2),
    "allowed_tags": st.sampled_from(([], ["p", "e", "d", "t", "-", "expiration"], ["p", "d"])),
    "max_expiry_duration": st.sampled_from(list(DURATIONS)),
    "max_expiry": _OFTEN_OFF,
    "protected_required": st.booleans(),
    "identifier_regex": st.sampled_from(REGEXES),
    "tag_validation": st.dictionaries(
        st.sampled_from(TAG_NAMES), st.sampled_from(REGEXES), max_size=2
    ),
    "max_age_of_event": _OFTEN_OFF,
    "max_age_event_in_future": _OFTEN_OFF,
}
_ACCESS: dict[str, st.SearchStrategy[Any]] = {
    "write_deny": pubkey_lists,
    "read_deny": pubkey_lists,
    "write_allow": pubkey_lists,
    "read_allow": pubkey_lists,
    "privileged": st.booleans(),
    "write_allow_follows": st.booleans(),
    "follows_whitelist_admins": pubkey_lists,
    "write_follows_whitelist": pubkey_lists,
    "read_follows_whitelist": pubkey_lists,
    "write_allow_if_tagged": pubkey_lists,
}
_OTHER = {
    "description": st.text(st.characters(codec="utf-8"), max_size=10),
    "rate_limit": st.just(0),
}
_GLOBAL_ONLY = {"read_allow_permissive": st.booleans(), "write_allow_permissive": st.booleans()}


@st.composite
def some_of(
    draw: st.DrawFn, fields: dict[str, st.SearchStrategy[Any]], most: int
) -> dict[str, Any]:
    """At most so many of the fields, so that not every rule denies everything."""
    names = draw(st.lists(st.sampled_from(list(fields)), max_size=most, unique=True))
    return {name: draw(fields[name]) for name in names}


@st.composite
def rules(
    draw: st.DrawFn, more: dict[str, st.SearchStrategy[Any]] | None = None
) -> dict[str, Any]:
    """A rule as JSON."""
    return (
        draw(some_of(_CONSTRAINTS, 2))
        | draw(some_of(_ACCESS, 4))
        | draw(some_of(more or {"description": st.just("")}, 2))
    )


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    """A policy as JSON, without contradictions."""
    policy: dict[str, Any] = {}
    if draw(st.booleans()):
        policy["global"] = draw(rules(_GLOBAL_ONLY | _OTHER))
    if draw(st.booleans()):
        policy["kind"] = draw(
            some_of(
                {
                    "whitelist": st.lists(kinds, max_size=4),
                    "blacklist": st.lists(kinds, max_size=2),
                },
                2,
            )
        )
    policy["rules"] = draw(st.dictionaries(kinds.map(str), rules(_OTHER), max_size=3))
    policy |= draw(
        some_of(
            {
                "default_policy": st.sampled_from(("allow", "deny", "")),
                "owners": pubkey_lists,
                "policy_admins": pubkey_lists,
                "policy_follow_whitelist_enabled": st.booleans(),
            },
            4,
        )
    )
    permissive = policy.get("global", {})
    if (
        permissive.get("read_allow_permissive")
        and permissive.get("write_allow_permissive")
        and any(policy.get("kind", {}).values())
    ):
        del policy["kind"]
    return policy


_TAG_VALUES = (
    keys
    | keys.map(str.upper)
    | st.sampled_from(("", "abc", "note-1", "Post-2", "12345", KEYS[0][:63]))
)
_EXPIRATIONS = st.integers(-100, 90_000).map(lambda n: str(NOW + n)) | st.sampled_from(
    (
        str(NOW + 60),
        str(NOW),
        f"+{NOW + 1}",
        f"00{NOW}",
        "1_700_000_000",
        f" {NOW}",
        "",
        "soon",
        "٣",
        "9" * 19,
        "-9223372036854775808",
        str(2**63),
    )
)
_ONE_TAG = st.one_of(
    st.tuples(st.sampled_from(("p", "p", "e", "d", "t", "client")), _TAG_VALUES).map(list),
    st.sampled_from((["-"], ["p"], ["d"], ["expiration"], ["d", ""], ["d", "note-1"])),
    st.tuples(st.just("expiration"), _EXPIRATIONS).map(list),
)

events = st.builds(
    AnEvent,
    pubkey=keys | st.just(NPUB_HEX),
    created_at=st.sampled_from(
        (NOW, NOW, NOW - 60, NOW - 61, NOW + 60, NOW + 61, NOW - 90_000, 0)
    ),
    kind=kinds | st.just(7),
    tags=st.lists(_ONE_TAG, max_size=4),
    content=st.sampled_from(("", "hello", "héllo", "\n", '"\\', "\x01", "☺☺", "x" * 101)),
)

submitters = st.lists(keys | st.just(NPUB_HEX), max_size=2, unique=True).map(tuple)
follow_lists = st.dictionaries(keys, st.frozensets(keys, max_size=3), max_size=4)
accesses = st.sampled_from(("write", "read"))
