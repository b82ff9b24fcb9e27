"""Members who have paid."""

from .cases import FRIEND, NOBODY, STRANGER, bounds, private_ones, read, write
from .private_kinds import ARE_PRIVATE, PRIVATE, private_rules
from .recipe import Dish, Keys, Recipe, comment, owned

_LARGEST_BYTES = 262144


def _make(keys: Keys) -> Dish:
    owner = keys[0]
    return Dish(
        policy={
            "_about": comment(
                "Paid members write, everybody reads. Have the program that takes the money "
                "write members.txt anew, by write-and-rename: the relay obeys within a second.",
            ),
            **owned(keys),
            "lists": {"members": {"file": "members.txt"}},
            "global": {
                "description": "Members write",
                "write_allow": ["@members"],
                "size_limit": _LARGEST_BYTES,
                "max_age_event_in_future": 900,
                "rate_limit": 65536,
            },
            "_rules": ARE_PRIVATE,
            "rules": private_rules(),
            "default_policy": "allow",
        },
        lists={"members": keys},
        about_lists={"members": "Who has paid: a key a line, in hex or as npub1…"},
        also_listed={"members": (FRIEND,)},
        cases=[
            write(1, "the owner need not pay", by=owner, allowed=True),
            write(1, "has paid", by=FRIEND, allowed=True),
            write(1, "has not paid", by=STRANGER, allowed=False),
            write(1, "not authenticated", by=NOBODY, allowed=False),
            read(1, "everybody reads", by=NOBODY, allowed=True),
            *bounds(1, by=owner, size_bytes=_LARGEST_BYTES),
            *private_ones(PRIVATE, party=owner, other=FRIEND),
        ],
    )


PAID = Recipe(
    name="paid",
    line="members who have paid write, everybody reads",
    keys="the owner, then members",
    needs_key=True,
    make=_make,
)
