"""The relay of a group."""

from collections.abc import Iterator, Sequence

from .cases import FRIEND, NOBODY, STRANGER, bounds, read, write
from .private_kinds import ARE_CLOSED, PRIVATE
from .recipe import Dish, Json, Keys, Recipe, comment, owned

_GROUP = "^[a-z0-9_-]{1,64}$"
_H = [["h", "garden"]]
_D = [["d", "garden"]]
_TALK = {7: "Reactions", 9: "Chat", 11: "Threads", 1111: "Comments"}
_MODERATION = {
    9000: "Put somebody into the group",
    9001: "Take somebody out of the group",
    9002: "Change the group's name",
    9005: "Delete somebody's event",
    9007: "Make a group",
    9008: "End a group",
    9009: "Invite somebody",
}
_METADATA = {39000: "A group", 39001: "Its admins", 39002: "Its members", 39003: "Its roles"}


def _in_group(rule: Json) -> Json:
    return rule | {"must_have_tags": ["h"], "tag_validation": {"h": _GROUP}}


def _make(keys: Keys) -> Dish:
    owner = keys[0]
    members = {"write_allow": ["@members"], "read_allow": ["@members"]}
    moderators = {"write_allow": ["@moderators"], "read_allow": ["@members"]}
    rules: dict[int, Json] = {
        0: {"description": "Profiles", **members},
        5: {"description": "Deletions of one's own", **members},
        **{kind: _in_group({"description": what, **members}) for kind, what in _TALK.items()},
        **{
            kind: _in_group({"description": what, **moderators})
            for kind, what in _MODERATION.items()
        },
        9021: _in_group(
            {
                "description": "Everybody may ask to join; moderators read it",
                "content_limit": 1024,
                "rate_limit": 512,
                "write_allow": [],
                "read_allow": ["@moderators"],
            }
        ),
        9022: _in_group({"description": "A member leaves", **members}),
        **{
            kind: {"description": what, **moderators, "identifier_regex": _GROUP}
            for kind, what in _METADATA.items()
        },
    }
    rules[39000]["read_allow"] = []
    return Dish(
        policy={
            "_about": comment(
                "The relay of a closed group (NIP-29): those in members.txt talk and read, "
                "those in moderators.txt moderate. One of these is the key of the relay's own "
                "events. Whoever is put into the group is not yet in members.txt: that is for "
                "you, or for your program, to do.",
                ARE_CLOSED,
            ),
            **owned(keys),
            "lists": {
                "members": {"file": "members.txt"},
                "moderators": {"file": "moderators.txt"},
            },
            "global": {
                "description": "What holds for everybody",
                "size_limit": 131072,
                "max_age_event_in_future": 900,
            },
            "_rules": "Kinds that have no rule here are refused.",
            "rules": {str(kind): rules[kind] for kind in sorted(rules)},
            "default_policy": "deny",
        },
        lists={"members": keys, "moderators": keys[:1]},
        about_lists={
            "members": "Who is in the group: a key a line, in hex or as npub1…",
            "moderators": "Who moderates: the relay's own key among them; members, too",
        },
        also_listed={"members": (FRIEND,)},
        cases=[*_cases(owner)],
    )


def _cases(owner: str) -> Iterator[Json]:
    for kind in (0, 5):
        yield from _for_members(kind, ())
    for kind in (*_TALK, 9022):
        yield from _for_members(kind, _H)
        yield from _within_a_group(kind, FRIEND)
    for kind in _MODERATION:
        yield from _for_moderators(kind, owner, _H)
        yield from _within_a_group(kind, owner)
    for kind in _METADATA:
        yield from _for_moderators(kind, owner, _D)
        yield write(kind, "an untidy name", by=owner, allowed=False, tags=[["d", "My group"]])
        yield read(kind, "a group can be found", by=NOBODY, allowed=kind == 39000, tags=_D)
    yield write(9021, "everybody may ask to join", by=STRANGER, allowed=True, tags=_H)
    yield write(9021, "at length", by=STRANGER, allowed=False, tags=_H, content="a" * 1025)
    yield from _within_a_group(9021, STRANGER)
    yield read(9021, "a moderator", by=owner, allowed=True, tags=_H)
    yield read(9021, "who asks is for moderators", by=FRIEND, allowed=False, tags=_H)
    yield from bounds(9, by=FRIEND, tags=_H, size_bytes=131072)
    for kind in (1, *PRIVATE):
        yield write(kind, "not taken here", by=owner, allowed=False)
        yield read(kind, "not taken here", by=owner, allowed=False)


def _for_members(kind: int, tags: Sequence[Sequence[str]]) -> Iterator[Json]:
    for by, allowed in ((FRIEND, True), (STRANGER, False), (NOBODY, False)):
        yield write(kind, "for members", by=by, allowed=allowed, tags=tags)
        yield read(kind, "for members", by=by, allowed=allowed, tags=tags)


def _for_moderators(kind: int, owner: str, tags: Sequence[Sequence[str]]) -> Iterator[Json]:
    yield write(kind, "a moderator", by=owner, allowed=True, tags=tags)
    yield write(kind, "a member", by=FRIEND, allowed=False, tags=tags)
    yield read(kind, "a member", by=FRIEND, allowed=True, tags=tags)
    if kind != 39000:
        yield read(kind, "a stranger", by=STRANGER, allowed=False, tags=tags)


def _within_a_group(kind: int, by: str) -> Iterator[Json]:
    yield write(kind, "in no group", by=by, allowed=False)
    yield write(kind, "an untidy name", by=by, allowed=False, tags=[["h", "My group"]])


GROUP = Recipe(
    name="group",
    line="members talk and read, some moderate, others may ask to join",
    keys="the owner, then members",
    needs_key=True,
    make=_make,
)
