"""Contributions: what a policy admin adds to the owner's policy (section 9 of the spec).

The names are those of the event's content. Who sent it and when comes from the event.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, TypeVar

import attrs
from cattrs import Converter

from ..policy import InvalidPolicy, Policy, Problem, Regex, Rule, parse_regex
from ..policy.fields import Field, Right, declared, rights_in
from ..policy.problems import did_you_mean
from ..policy.reading import by_kind, make_converter, model
from ..policy.values import read_kinds, read_pubkeys, read_text
from ..policy.who_may import authors_named
from ..policy.writing import canonical, plain

MOST_REGEX_BYTES: Final = 2**16
"""The most memory of one compiled regular expression of an admin's: a sixteenth of an owner's, so
that all that admins may have standing is compiled in a second."""

MOST_CHARACTERS: Final = 4_096
"""The most characters of an event's values, all together, that one of them is matched against:
where RE2 runs out of memory, it takes the time of the text times that of the expression."""
_LONGEST_REGEX: Final = 1_000
_BYTES_OF_KINDS: Final = 65_536 // 8

_T = TypeVar("_T")


def _of_rights(_: type, __: list[Any]) -> list[Any]:
    """An attribute for each field of a rule that policy admins have a right to, declared like
    that field. An empty list, or no override, adds nothing.
    """
    attributes = {each.name: each for each in attrs.fields(Rule)}
    return [
        attributes[each.name].evolve(
            name=each.extending,
            alias=each.extending,
            default=_ADDS_NOTHING[each.right],
            metadata={Field: attrs.evolve(each.field, counts_when_empty=False, right=None)},
        )
        for each in rights_in(Rule)
    ]


_ADDS_NOTHING: Final[Mapping[Right, Any]] = {
    Right.ADD: (),
    Right.ADD_TO_SOME: (),
    Right.RAISE: None,
    Right.SWITCH_ON: False,
}


@attrs.frozen(kw_only=True, field_transformer=_of_rights)
class Extension:
    """An addition to one of the owner's rules.

    Its fields follow from the rights that :class:`.Rule` declares: ``write_allow_add``,
    ``size_limit_override``, ``write_allow_follows`` and so on.
    """


NO_EXTENSION: Final = Extension()


def _ignored(_: object, __: object) -> None:
    """Ignored: the event itself says it."""


_SAID_BY_THE_EVENT: Final = Field(unit="", read=_ignored)


@attrs.frozen(kw_only=True)
class Content:
    """A contribution as its content says it."""

    kind_whitelist_add: tuple[int, ...] = declared((), Field(unit="kinds"))
    kind_blacklist_add: tuple[int, ...] = declared((), Field(unit="kinds"))
    rules_extend: Mapping[int, Extension] = declared(
        MappingProxyType({}), Field(unit="kind → extension")
    )
    rules_add: Mapping[int, Rule] = declared(MappingProxyType({}), Field(unit="kind → rule"))
    global_extend: Extension | None = declared(None, Field(unit="extension"))
    admin_pubkey: None = declared(None, _SAID_BY_THE_EVENT)
    created_at: None = declared(None, _SAID_BY_THE_EVENT)
    event_id: None = declared(None, _SAID_BY_THE_EVENT)


@attrs.frozen(kw_only=True)
class Contribution:
    """The addition of one event of one policy admin to the owner's policy."""

    admin: str
    """The event's author, 64 lowercase hex characters."""
    created_at: int
    """The event's, Unix seconds."""
    event_id: str
    """64 lowercase hex characters."""
    kind_whitelist_add: tuple[int, ...] = ()
    kind_blacklist_add: tuple[int, ...] = ()
    rules_extend: Mapping[int, Extension] = MappingProxyType({})
    rules_add: Mapping[int, Rule] = MappingProxyType({})
    global_extend: Extension | None = None
    is_full_policy: bool = False
    """It was sent as a full policy, and takes the place of the admin's earlier ones."""
    content_bytes: int = attrs.field(default=0, eq=False)
    """Length of the event's content as UTF-8; 0 where no event brought it."""

    @property
    def adds_nothing(self) -> bool:
        """Whether it says nothing that could have an effect."""
        return not _said(self)

    @cached_property
    def canonical(self) -> bytes:
        """Its JSON in the form that versions are made of: see :func:`unstructure_contribution`."""
        return canonical(unstructure_contribution(self))

    @property
    def size_bytes(self) -> int:
        """Length of the event's content, or of its own JSON where no event brought it."""
        return self.content_bytes or len(self.canonical)

    @cached_property
    def kinds(self) -> int:
        """All kinds that it names, in lists and as rules, a bit each: of a thousand contributions
        with thousands of kinds each, sets would take hundreds of megabytes.
        """
        return kind_bits(
            (*self.kind_whitelist_add, *self.kind_blacklist_add, *self.rules_extend)
        ) | kind_bits(self.rules_add)

    @cached_property
    def authors(self) -> frozenset[str]:
        """All whose follow lists it uses."""
        return frozenset().union(*map(authors_named, (*self.extensions, *self.rules_add.values())))

    @cached_property
    def regexes(self) -> int:
        """The number of regular expressions in its rules."""
        return sum(
            len(rule.tag_validation) + (rule.identifier_regex is not None)
            for rule in self.rules_add.values()
        )

    @property
    def extensions(self) -> Iterator[Extension]:
        """The extensions of the global rule and of kinds."""
        if self.global_extend is not None:
            yield self.global_extend
        yield from self.rules_extend.values()


CONTRIBUTION_KEYS: Final = frozenset(
    {
        "kind_whitelist_add",
        "kind_blacklist_add",
        "rules_extend",
        "rules_add",
        "global_extend",
    }
)
"""The keys of an event's content any of which makes it a contribution."""


def kind_bits(kinds: Iterable[int]) -> int:
    """These kinds, a bit each."""
    bits = bytearray(_BYTES_OF_KINDS)
    for kind in kinds:
        bits[kind >> 3] |= 1 << (kind & 7)
    return int.from_bytes(bits, "little")


def read_contribution(
    value: object, *, admin: str, created_at: int, event_id: str, content_bytes: int = 0
) -> Contribution:
    """Make a contribution of a decoded JSON value.

    Comments and nulls do not count, as in a policy; ``admin_pubkey``, ``created_at`` and
    ``event_id`` in the value are ignored, and what occurs twice in a list is dropped.

    :param content_bytes: length of the event's content as UTF-8; 0 where there is no event.
    :raises InvalidPolicy: with every problem of it.
    """
    content = _CONVERTER.structure(value, Content)
    return Contribution(
        admin=admin,
        created_at=created_at,
        event_id=event_id,
        kind_whitelist_add=content.kind_whitelist_add,
        kind_blacklist_add=content.kind_blacklist_add,
        rules_extend=content.rules_extend,
        rules_add=content.rules_add,
        global_extend=content.global_extend,
        content_bytes=content_bytes,
    )


def regex_problems(rule: Rule) -> Iterator[Problem]:
    """The problems of regular expressions in a rule that are too large for an admin. Those of a
    contribution are checked when it is read; those of a full policy were read as an owner's.
    """
    named = {f"tag_validation.{tag}": regex for tag, regex in rule.tag_validation.items()}
    if rule.identifier_regex is not None:
        named["identifier_regex"] = rule.identifier_regex
    for place, regex in named.items():
        try:
            _read_regex(regex.text)
        except InvalidPolicy as error:
            yield from (problem.within(place) for problem in error.problems)


def unstructure_contribution(contribution: Contribution) -> dict[str, Any]:
    """The contribution as JSON values: only what has a meaning, with whose it is.

    ``is_full_policy`` is left out: it says how a contribution came, not what it does.
    """
    return {
        "admin_pubkey": contribution.admin,
        "created_at": contribution.created_at,
        "event_id": contribution.event_id,
        **_said(contribution),
    }


def _said(contribution: Contribution) -> dict[str, Any]:
    said = {key: plain(getattr(contribution, key)) for key in sorted(CONTRIBUTION_KEYS)}
    said["rules_extend"] = {kind: adds for kind, adds in said["rules_extend"].items() if adds}
    return {key: value for key, value in said.items() if value}


def _once(read: Callable[[object, object], tuple[_T, ...]]) -> Callable[[object, object], Any]:
    """A hook for a list of which each item counts once."""
    return lambda value, type_: tuple(dict.fromkeys(read(value, type_)))


def _read_regex(value: object, _: object = None) -> Regex:
    if not (text := read_text(value)):
        raise InvalidPolicy([Problem("", "expected a regular expression, found an empty text")])
    if len(text) > _LONGEST_REGEX:
        most = f"an admin's regular expression has at most {_LONGEST_REGEX} characters"
        raise InvalidPolicy([Problem("", most)])
    try:
        return attrs.evolve(parse_regex(text, MOST_REGEX_BYTES), most_characters=MOST_CHARACTERS)
    except ValueError as error:
        raise InvalidPolicy([Problem("", str(error))]) from error


_HERE = {Extension: "an extension", Content: "a contribution"}


_OF_CONTRIBUTIONS = (
    (Content, "at the top of the contribution"),
    (Extension, "in 'global_extend' or in a kind of 'rules_extend'"),
)
_OF_POLICIES = (
    (Rule, "in a kind of 'rules_add'"),
    (Policy, "in a full policy, not in a contribution"),
)


def _belongs(key: str, models: tuple[tuple[type, str], ...]) -> str:
    for cls, where in models:
        if key in (field.name for field in attrs.fields(cls)):
            return f" here; it belongs {where}"
    return ""


def _meant(cls: type, key: str) -> str:
    """A hint at the meant key for an unknown one, or else the keys that are allowed."""
    known = [field.name for field in attrs.fields(cls)]
    if here := _belongs(key, _OF_CONTRIBUTIONS) or did_you_mean(key, known):
        return here
    if here := _belongs(key, _OF_POLICIES):
        return here
    keys = [name for name in known if cls is Extension or name in CONTRIBUTION_KEYS]
    return f"; the keys of {_HERE[cls]} are {', '.join(keys)}"


def _make_converter() -> Converter:
    converter = make_converter(_read_regex, _once(read_pubkeys), _once(read_kinds))
    read_extensions = by_kind(Extension, converter)
    converter.register_structure_hook_func(
        lambda type_: type_ == Mapping[int, Extension], read_extensions
    )
    for cls in (Extension, Content):
        converter.register_structure_hook(cls, model(cls, converter, _meant))
    return converter


_CONVERTER = _make_converter()
