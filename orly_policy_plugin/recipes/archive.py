"""An archive: everything is read, some kinds are written."""

from .cases import NOBODY, NOW, STRANGER, bounds, private_ones, read, write
from .private_kinds import ARE_PRIVATE, PRIVATE, private_rules
from .recipe import Dish, Keys, Recipe, comment, owned

_LARGEST_BYTES = 262144


def _make(keys: Keys) -> Dish:
    return Dish(
        policy={
            "_about": comment(
                "An archive: what is stored is read by everybody, whatever its kind; written "
                "are the kinds of the list alone, however old.",
            ),
            **owned(keys),
            "_kind": "Profiles, notes, follows, deletions, reposts, files, articles.",
            "kind": {"whitelist": [0, 1, 3, 5, 6, 16, 1063, 10002, 30023]},
            "global": {
                "description": "The list of kinds does not hold for reading",
                "read_allow_permissive": True,
                "size_limit": _LARGEST_BYTES,
                "max_age_event_in_future": 900,
            },
            "_rules": [ARE_PRIVATE, "They are stored where they were imported."],
            "rules": private_rules(),
            "default_policy": "allow",
        },
        cases=[
            write(1, "a kind of the list", by=NOBODY, allowed=True),
            write(30023, "however old", by=NOBODY, allowed=True, age_seconds=NOW // 2),
            write(7, "no kind of the list", by=STRANGER, allowed=False),
            write(1059, "no kind of the list", by=STRANGER, allowed=False),
            read(1, "a kind of the list", by=NOBODY, allowed=True),
            read(7, "any kind", by=NOBODY, allowed=True),
            read(30078, "any kind", by=NOBODY, allowed=True),
            *bounds(1, by=NOBODY, size_bytes=_LARGEST_BYTES),
            *private_ones(PRIVATE, party=_PARTY, other=STRANGER),
        ],
    )


_PARTY = "9a" * 32

ARCHIVE = Recipe(
    name="archive",
    line="everybody reads everything, some kinds are written",
    keys="the owner (may be left out)",
    make=_make,
)
