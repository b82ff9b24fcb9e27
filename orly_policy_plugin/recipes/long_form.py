"""Articles with strict tags."""

from .cases import AUTHOR, NOBODY, STRANGER, bounds, read, write
from .private_kinds import ARE_CLOSED, PRIVATE
from .recipe import Dish, Keys, Recipe, comment, owned

_HEX = "^[0-9a-f]{64}$"


def _make(keys: Keys) -> Dish:
    return Dish(
        policy={
            "_about": comment(
                "Articles (NIP-23) whose tags are in order, and what readers say to them.",
                ARE_CLOSED,
            ),
            **owned(keys),
            "_kind": "Profiles, deletions, reactions, comments, relay lists, articles.",
            "kind": {"whitelist": [0, 5, 7, 1111, 10002, 30023]},
            "global": {
                "description": "What holds for everything",
                "size_limit": 262144,
                "max_age_event_in_future": 900,
                "rate_limit": 32768,
            },
            "rules": {
                "30023": {
                    "description": "Articles",
                    "content_limit": 200000,
                    "must_have_tags": ["d", "title", "published_at"],
                    "_allowed_tags": "What a client adds of its own is refused.",
                    "allowed_tags": [
                        "d",
                        "title",
                        "summary",
                        "image",
                        "published_at",
                        "t",
                        "a",
                        "e",
                        "p",
                        "q",
                        "r",
                        "alt",
                        "client",
                        "zap",
                        "expiration",
                    ],
                    "_identifier_regex": "The end of the article's address.",
                    "identifier_regex": "^[A-Za-z0-9._~-]{1,100}$",
                    "tag_validation": {
                        "title": ".",
                        "image": "^(https://[^ ]+)?$",
                        "published_at": "^[0-9]{1,11}$",
                        "t": "^[^ ]{1,60}$",
                        "a": "^[0-9]{1,5}:[0-9a-f]{64}:",
                        "e": _HEX,
                        "p": _HEX,
                    },
                },
                "1111": {
                    "description": "Comments (NIP-22)",
                    "content_limit": 8192,
                    "must_have_tags": ["K", "k"],
                },
                "7": {"description": "Reactions", "content_limit": 512, "must_have_tags": ["e"]},
            },
            "default_policy": "allow",
        },
        cases=[
            write(30023, "in order", by=NOBODY, allowed=True, tags=_GOOD, content="Once"),
            write(30023, "no title", by=NOBODY, allowed=False, tags=[_GOOD[0], _GOOD[2]]),
            write(30023, "an empty title", by=NOBODY, allowed=False, tags=[["title", ""], *_GOOD]),
            write(30023, "no date", by=NOBODY, allowed=False, tags=_GOOD[:2]),
            write(30023, "no identifier", by=NOBODY, allowed=False, tags=_GOOD[1:]),
            write(
                30023,
                "an untidy identifier",
                by=NOBODY,
                allowed=False,
                tags=[["d", "my article"], *_GOOD[1:]],
            ),
            write(
                30023,
                "a date in words",
                by=NOBODY,
                allowed=False,
                tags=[*_GOOD[:2], ["published_at", "yesterday"]],
            ),
            write(
                30023,
                "an image without TLS",
                by=NOBODY,
                allowed=False,
                tags=[*_GOOD, ["image", "http://example.com/a.png"]],
            ),
            write(
                30023, "a tag of no article", by=NOBODY, allowed=False, tags=[*_GOOD, ["x", "y"]]
            ),
            write(30023, "too long", by=NOBODY, allowed=False, tags=_GOOD, content="a" * 200_001),
            write(
                1111,
                "a comment",
                by=STRANGER,
                allowed=True,
                tags=_COMMENT,
            ),
            write(1111, "to nothing", by=STRANGER, allowed=False),
            write(7, "to an article", by=STRANGER, allowed=True, tags=_TO, content="+"),
            write(
                1111, "a long one", by=STRANGER, allowed=False, tags=_COMMENT, content="a" * 8193
            ),
            write(7, "to nothing", by=STRANGER, allowed=False, content="+"),
            write(7, "a long one", by=STRANGER, allowed=False, tags=_TO, content="+" * 513),
            *(
                write(30023, "an untidy tag", by=NOBODY, allowed=False, tags=[*_GOOD, tag])
                for tag in (["t", "two words"], ["a", "article"], ["e", "note"], ["p", "npub1"])
            ),
            *bounds(10002, by=STRANGER, size_bytes=262144),
            write(1, "no notes", by=STRANGER, allowed=False),
            read(30023, "everybody reads", by=NOBODY, allowed=True, tags=_GOOD),
            *(
                case
                for kind in PRIVATE
                for case in (
                    write(kind, "not taken here", by=STRANGER, allowed=False),
                    read(kind, "not taken here", by=STRANGER, allowed=False),
                )
            ),
        ],
    )


_COMMENT = [["K", "30023"], ["k", "30023"], ["a", f"30023:{AUTHOR}:once"]]
_TO = [["e", "e0" * 32]]
_GOOD = [["d", "once-upon-a-time"], ["title", "Once"], ["published_at", "1750000000"]]

LONG_FORM = Recipe(
    name="long-form",
    line="articles whose tags are in order, comments and reactions",
    keys="the owner (may be left out)",
    make=_make,
)
