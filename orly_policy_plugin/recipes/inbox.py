"""An inbox for private messages."""

from .cases import FRIEND, NOBODY, STRANGER, bounds, private_ones, read, write
from .recipe import Dish, Json, Keys, Recipe, comment, owned


def _message(description: str) -> Json:
    return {
        "description": description,
        "write_allow": ["@members"],
        "write_allow_if_tagged": ["@members"],
        "privileged": True,
    }


def _make(keys: Keys) -> Dish:
    owner = keys[0]
    return Dish(
        policy={
            "_about": comment(
                "An inbox: messages to and from those in members.txt, which only their parties "
                "read. Everybody may send to a member, and nothing else.",
            ),
            **owned(keys),
            "lists": {"members": {"file": "members.txt"}},
            "global": {
                "description": "What holds for everybody",
                "size_limit": 131072,
                "max_age_event_in_future": 900,
                "rate_limit": 16384,
            },
            "_rules": "Other kinds are refused: 13, 14 and 1060 come in gift wraps.",
            "rules": {
                "4": _message("Direct messages (NIP-04)"),
                "1059": _message("Gift wraps (NIP-59), whose authors are nobody's keys"),
                "5": {
                    "description": "Members delete theirs",
                    "write_allow": ["@members"],
                    "read_allow": ["@members"],
                },
                "10050": {
                    "description": "Where a member's inbox is (NIP-17), for everybody to see",
                    "write_allow": ["@members"],
                    "read_allow": [],
                },
            },
            "default_policy": "deny",
        },
        lists={"members": keys},
        about_lists={"members": "Whose inbox this is: a key a line, in hex or as npub1…"},
        also_listed={"members": (FRIEND,)},
        cases=[
            write(1059, "to a member", by=NOBODY, allowed=True, tags=[["p", owner]]),
            write(4, "to a member", by=STRANGER, allowed=True, tags=[["p", owner]]),
            write(4, "from a member", by=owner, allowed=True, tags=[["p", STRANGER]]),
            write(1059, "from a member", by=owner, allowed=True, tags=[["p", STRANGER]]),
            write(1059, "to no member", by=STRANGER, allowed=False, tags=[["p", STRANGER]]),
            write(1059, "to nobody", by=STRANGER, allowed=False),
            write(1, "no notes", by=owner, allowed=False),
            write(14, "only in a gift wrap", by=owner, allowed=False, tags=[["p", FRIEND]]),
            write(
                10050,
                "a member's",
                by=owner,
                allowed=True,
                tags=[["relay", "wss://relay.example"]],
            ),
            write(10050, "a stranger's", by=STRANGER, allowed=False),
            read(10050, "everybody has to find it", by=NOBODY, allowed=True),
            write(5, "a member's", by=owner, allowed=True, tags=[["k", "4"]]),
            write(5, "a stranger's", by=STRANGER, allowed=False, tags=[["k", "4"]]),
            read(5, "a member", by=FRIEND, allowed=True, tags=[["k", "4"]]),
            read(5, "a stranger", by=STRANGER, allowed=False, tags=[["k", "4"]]),
            *bounds(4, by=owner, size_bytes=131072),
            *private_ones((4, 1059), party=owner, other=FRIEND),
            *(
                read(kind, "not taken here", by=owner, allowed=False, tags=[["p", owner]])
                for kind in (13, 14, 1060)
            ),
        ],
    )


INBOX = Recipe(
    name="inbox",
    line="private messages to and from members, read by their parties alone",
    keys="the owner, then members",
    needs_key=True,
    make=_make,
)
