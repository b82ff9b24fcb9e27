"""An open relay with sane limits."""

from .cases import NOBODY, NOW, STRANGER, private_ones, read, write
from .private_kinds import ARE_PRIVATE, PRIVATE, private_rules
from .recipe import Dish, Keys, Recipe, comment, owned


def _make(keys: Keys) -> Dish:
    return Dish(
        policy={
            "_about": comment(
                "An open relay: everybody writes and reads, within limits that no ordinary "
                "client meets. Whom you do not want is added to blocked.txt.",
            ),
            **owned(keys),
            "lists": {"blocked": {"file": "blocked.txt"}},
            "global": {
                "description": "What holds for everybody",
                "_size_limit": "Bytes. A follow list of 3,000 has 210,000.",
                "size_limit": 262144,
                "_max_age_event_in_future": "Seconds. Clocks go wrong by minutes.",
                "max_age_event_in_future": 900,
                "_rate_limit": "Bytes a second of one key; ten times that in a burst.",
                "rate_limit": 32768,
                "write_deny": ["@blocked"],
            },
            "_rules": ARE_PRIVATE,
            "rules": {
                "1": {"description": "Notes", "content_limit": 16384},
                "7": {"description": "Reactions", "content_limit": 512},
                **private_rules(),
            },
            "default_policy": "allow",
        },
        lists={"blocked": ()},
        about_lists={"blocked": "Who may not write here: a key a line, in hex or as npub1…"},
        also_listed={"blocked": (_BLOCKED,)},
        cases=[
            write(1, "everybody writes", by=NOBODY, allowed=True, content="hello"),
            write(
                1, "a note of 16 KiB is the longest", by=STRANGER, allowed=True, content=_LONGEST
            ),
            write(1, "and this is longer", by=STRANGER, allowed=False, content=_LONGEST + "a"),
            write(7, "a reaction is short", by=STRANGER, allowed=False, content="+" * 513),
            write(30023, "articles are longer", by=STRANGER, allowed=True, content=_LONGEST * 2),
            write(
                30023, "all events have a bound", by=STRANGER, allowed=False, content=_LONGEST * 16
            ),
            write(1, "dated a minute ahead", by=STRANGER, allowed=True, age_seconds=-60),
            write(1, "dated an hour ahead", by=STRANGER, allowed=False, age_seconds=-3600),
            write(1, "old notes are welcome", by=STRANGER, allowed=True, age_seconds=NOW // 2),
            write(1, "blocked", by=_BLOCKED, allowed=False),
            read(1, "everybody reads", by=NOBODY, allowed=True),
            *private_ones(PRIVATE, party=_PARTY, other=STRANGER),
        ],
    )


_BLOCKED = "b1" * 32
_PARTY = "9a" * 32
_LONGEST = "a" * 16384

OPEN = Recipe(
    name="open",
    line="everybody writes and reads, within sane limits",
    keys="the owner (may be left out)",
    make=_make,
)
