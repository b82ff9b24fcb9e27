"""A community: those whom somebody follows."""

from .cases import FRIEND, NOBODY, STRANGER, bounds, private_ones, read, write
from .private_kinds import ARE_PRIVATE, PRIVATE, private_rules
from .recipe import Dish, Keys, Recipe, comment, owned

_LARGEST_BYTES = 262144


def _make(keys: Keys) -> Dish:
    owner = keys[0]
    return Dish(
        policy={
            "_about": comment(
                "A community: those write whom one of you follows, everybody reads. Follow or "
                "unfollow somebody in your client, and it holds once the relay has seen it.",
            ),
            **owned(keys),
            "global": {
                "description": "Those whom one of these follows, and these",
                "write_follows_whitelist": list(keys),
                "size_limit": _LARGEST_BYTES,
                "max_age_event_in_future": 900,
                "rate_limit": 32768,
            },
            "_rules": ARE_PRIVATE,
            "rules": private_rules(),
            "default_policy": "allow",
        },
        follows=dict.fromkeys(keys, (FRIEND,)),
        cases=[
            write(1, "one of the community", by=owner, allowed=True),
            write(1, "followed", by=FRIEND, allowed=True),
            write(1, "followed by nobody", by=STRANGER, allowed=False),
            write(1, "not authenticated", by=NOBODY, allowed=False),
            read(1, "everybody reads", by=NOBODY, allowed=True),
            *bounds(1, by=owner, size_bytes=_LARGEST_BYTES),
            *private_ones(PRIVATE, party=owner, other=STRANGER),
        ],
    )


COMMUNITY = Recipe(
    name="community",
    line="those write whom one of you follows, everybody reads",
    keys="the owner, then others whose follow lists count",
    needs_key=True,
    make=_make,
    needs_follow_lists=True,
)
