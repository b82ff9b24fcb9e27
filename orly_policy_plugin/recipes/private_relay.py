"""A private relay of a few keys."""

from .cases import FRIEND, NOBODY, STRANGER, bounds, private_ones, read, write
from .private_kinds import ARE_PRIVATE, PRIVATE, private_rules
from .recipe import Dish, Keys, Recipe, comment, owned

_LARGEST_BYTES = 262144


def _make(keys: Keys) -> Dish:
    owner = keys[0]
    return Dish(
        policy={
            "_about": comment(
                "A private relay: those in members.txt write and read, nobody else does. "
                "Clients have to authenticate (NIP-42).",
            ),
            **owned(keys),
            "lists": {"members": {"file": "members.txt"}},
            "global": {
                "description": "Members alone",
                "write_allow": ["@members"],
                "read_allow": ["@members"],
                "size_limit": _LARGEST_BYTES,
                "max_age_event_in_future": 900,
            },
            "_rules": [ARE_PRIVATE, "Members, too, read none but their own."],
            "rules": private_rules(),
            "default_policy": "deny",
        },
        lists={"members": keys},
        about_lists={"members": "Who may write and read here: a key a line, in hex or as npub1…"},
        also_listed={"members": (FRIEND,)},
        cases=[
            write(1, "a member", by=owner, allowed=True),
            write(1, "another member", by=FRIEND, allowed=True),
            write(1, "no member", by=STRANGER, allowed=False),
            write(1, "not authenticated", by=NOBODY, allowed=False),
            read(1, "a member", by=owner, allowed=True),
            read(1, "no member", by=STRANGER, allowed=False),
            read(0, "not even a profile", by=NOBODY, allowed=False),
            read(
                4,
                "a stranger who is a party is no member",
                by=STRANGER,
                allowed=False,
                tags=[["p", STRANGER]],
            ),
            *bounds(1, by=owner, size_bytes=_LARGEST_BYTES),
            *private_ones(PRIVATE, party=owner, other=FRIEND),
        ],
    )


PRIVATE_RELAY = Recipe(
    name="private",
    line="a few keys write and read, nobody else does",
    keys="the owner, then friends",
    needs_key=True,
    make=_make,
)
