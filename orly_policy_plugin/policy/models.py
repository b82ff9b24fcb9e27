"""A policy as data: what a policy file says (section 1 of the spec), typed and immutable.

The names are the file's own. ``None`` means not written, where that differs from empty or 0.
Each field is declared once, here: see :class:`.fields.Field`.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, Literal

import attrs

from .durations import Duration
from .fields import BOTH, READ, WRITE, Access, Field, Right, declared, fields_of, once
from .named_lists import SIGN, KeyList, ListSource
from .pubkeys import Pubkeys
from .regexes import Regex
from .values import (
    CRITERION_PREFIX,
    PluginSettings,
    read_criteria,
    read_default_policy,
    read_plugins,
    read_pubkeys,
    read_script,
    read_tag_names,
    whole_number,
)
from .who import Step, Who, Whom
from .wording import (
    at_most,
    cannot_be_told,
    each_required,
    if_set,
    only_these,
    phrase,
    phrase_each,
    quotation,
)


def _limit(
    unit: str,
    asked_on: tuple[Access, ...],
    *,
    says: str,
    between: str,
    beyond: str,
    noun: str = "",
    **more: Any,
) -> Field:
    """An upper limit.

    :param says: in a summary; ``{}`` is the limit.
    :param between: what a lower limit newly refuses; ``{}`` is the values between both.
    :param beyond: what the limit refuses where there was none.
    :param noun: of what the values are numbers, in the singular, where they come with it.
    """
    return Field(
        unit=unit,
        read=whole_number(unit),
        asked_on=asked_on,
        summary=phrase(says, noun),
        direction=at_most(between, beyond, noun),
        is_upper_limit=True,
        **more,
    )


def _who(asked_on: tuple[Access, ...], step: Step, whom: Whom, **more: Any) -> Field:
    """A field that lets somebody in or keeps somebody out."""
    unit = "keys" if whom.names_keys else "bool"
    return Field(unit=unit, asked_on=asked_on, who=Who(step, whom), **more)


_EXPIRY: Final = at_most(
    "writes that expire {} s after created_at",
    "writes without an expiration, or with one over {} s after created_at",
)


@once
def key_lists_of(rule: type) -> tuple[str, ...]:
    """The fields of a rule that list public keys."""
    return tuple(
        name
        for name, field in fields_of(rule).items()
        if field.who is not None and field.who.whom.names_keys
    )


@attrs.frozen(kw_only=True)
class Rule:
    """A rule for the events of one kind, or (:class:`GlobalRule`) of all."""

    description: str = declared(
        "",
        Field(
            unit="text",
            summary=quotation,
            means="shown in explanations",
        ),
    )
    script: str | None = declared(
        None,
        Field(
            unit="path",
            read=read_script,
            asked_on=BOTH,
            summary=phrase("Asks the script {}"),
            direction=cannot_be_told,
            owners_only=True,
            noun_untold="script",
            means="a program of yours that is asked last, by a path relative to this "
            "file's folder or absolute",
        ),
    )
    size_limit: int | None = declared(
        None,
        _limit(
            "bytes",
            BOTH,
            says="Events up to {}",
            between="events of {}",
            beyond="events over {}",
            noun="byte",
            counts_when_empty=True,
            right=Right.RAISE,
            means="length of the event as compact UTF-8 JSON with the seven NIP-01 "
            'fields; \\b \\t \\n \\f \\r \\" \\\\ take two bytes, other characters below '
            "0x20 six (\\u00XX), all else itself; 0 denies everything",
        ),
    )
    """Of the event as compact JSON."""
    content_limit: int | None = declared(
        None,
        _limit(
            "bytes",
            BOTH,
            says="Content up to {}",
            between="content of {}",
            beyond="content over {}",
            noun="byte",
            counts_when_empty=True,
            right=Right.RAISE,
            means="UTF-8 length of content; 0 allows only the empty",
        ),
    )
    """Of ``content`` as UTF-8."""
    must_have_tags: tuple[str, ...] = declared(
        (),
        Field(
            unit="tag names",
            read=read_tag_names,
            asked_on=WRITE,
            summary=phrase("with the tags {}"),
            direction=each_required("writes without a {} tag"),
            means="each must occur",
        ),
    )
    allowed_tags: tuple[str, ...] = declared(
        (),
        Field(
            unit="tag names",
            read=read_tag_names,
            asked_on=WRITE,
            summary=phrase("no tags but {}"),
            direction=only_these("writes with a {} tag", "writes with other tags than {}"),
            means="if not empty, no other tag name may occur",
        ),
    )
    max_expiry_duration: Duration | None = declared(
        None,
        Field(
            unit="ISO-8601 duration",
            asked_on=WRITE,
            summary=phrase("expires within {}"),
            direction=_EXPIRY,
            is_upper_limit=True,
            means="an expiration tag must be there, be an integer (an optional sign and "
            "ASCII digits, within 64 bits), and be no more than this after "
            "created_at (equal passes)",
        ),
    )
    max_expiry: int = declared(
        0,
        Field(
            unit="seconds",
            read=whole_number("seconds"),
            asked_on=WRITE,
            loses_to="max_expiry_duration",
            summary=phrase("expires within {} s"),
            direction=_EXPIRY,
            is_upper_limit=True,
            means="the same, deprecated; the duration wins where both stand; 0 = off",
        ),
    )
    protected_required: bool = declared(
        False,
        Field(
            unit="bool",
            asked_on=WRITE,
            summary=phrase("protected (NIP-70)"),
            direction=if_set("writes without a - tag"),
            means="a - tag must be there (NIP-70)",
        ),
    )
    identifier_regex: Regex | None = declared(
        None,
        Field(
            unit="RE2",
            asked_on=WRITE,
            summary=phrase("d tag matches {}"),
            direction=if_set("writes without a d tag, or with one that does not match"),
            means="at least one d tag, and every d value matches",
        ),
    )
    tag_validation: Mapping[str, Regex] = declared(
        MappingProxyType({}),
        Field(
            unit="tag → RE2",
            asked_on=WRITE,
            summary=phrase_each("{} tags match {}"),
            direction=if_set("writes with a {} tag that does not match"),
            means="every value of that tag, where present, matches",
        ),
    )
    max_age_of_event: int = declared(
        0,
        _limit(
            "seconds",
            WRITE,
            says="at most {} s old",
            between="writes {} s old",
            beyond="writes over {} s old",
            right=Right.RAISE,
            means="created_at >= now - n; 0 = off",
        ),
    )
    max_age_event_in_future: int = declared(
        0,
        _limit(
            "seconds",
            WRITE,
            says="at most {} s ahead",
            between="writes dated {} s ahead",
            beyond="writes dated over {} s ahead",
            right=Right.RAISE,
            means="created_at <= now + n; 0 = off",
        ),
    )
    rate_limit: int = declared(
        0,
        _limit(
            "bytes per second",
            WRITE,
            says="{} per second",
            between="writing at {} per second",
            beyond="writing at over {} per second",
            noun="byte",
            means="a moving average of accepted bytes a second, by key; a burst may have "
            "ten times that; 0 = off",
        ),
    )
    write_deny: Pubkeys = declared(
        (),
        _who(
            WRITE,
            Step.DENY,
            Whom.LISTED,
            right=Right.ADD_TO_SOME,
            means="submitter in the list: denied, whatever an allow list says. A write is "
            "also denied where the author is in write_deny",
        ),
    )
    read_deny: Pubkeys = declared(
        (),
        _who(
            READ,
            Step.DENY,
            Whom.LISTED,
            right=Right.ADD_TO_SOME,
            means="submitter in the list: denied, whatever an allow list says. A write is "
            "also denied where the author is in write_deny",
        ),
    )
    write_allow: Pubkeys | None = declared(
        None,
        _who(
            WRITE,
            Step.ALLOW,
            Whom.LISTED,
            counts_when_empty=True,
            right=Right.ADD_TO_SOME,
            means="not empty: only a submitter in the list passes; [] written out in a "
            "kind's rule: everybody is granted",
        ),
    )
    read_allow: Pubkeys | None = declared(
        None,
        _who(
            READ,
            Step.ALLOW,
            Whom.LISTED,
            counts_when_empty=True,
            right=Right.ADD_TO_SOME,
            means="not empty: only a submitter in the list passes; [] written out in a "
            "kind's rule: everybody is granted",
        ),
    )
    privileged: bool = declared(
        False,
        _who(
            READ,
            Step.ALLOW,
            Whom.PARTIES,
            means="only a submitter who is the author or named in a p tag; together with "
            "read_allow, either is enough",
        ),
    )
    write_allow_follows: bool = declared(
        False,
        _who(
            BOTH,
            Step.GRANT,
            Whom.FOLLOWED_BY_ADMINS,
            right=Right.SWITCH_ON,
            means="with policy_follow_whitelist_enabled: a submitter whom a policy admin "
            "follows is granted",
        ),
    )
    follows_whitelist_admins: Pubkeys = declared(
        (),
        _who(
            BOTH,
            Step.GRANT,
            Whom.FOLLOWED,
            right=Right.ADD,
            means="a submitter whom one of these follows is granted",
        ),
    )
    write_follows_whitelist: Pubkeys = declared(
        (),
        _who(
            WRITE,
            Step.ALLOW,
            Whom.LISTED_AND_FOLLOWED,
            means="a submitter who is one of these or whom one of these follows passes; "
            "counts as an allow list: whoever matches none of the rule's allow "
            "lists is denied",
        ),
    )
    read_follows_whitelist: Pubkeys = declared(
        (),
        _who(
            READ,
            Step.ALLOW,
            Whom.LISTED_AND_FOLLOWED,
            means="a submitter who is one of these or whom one of these follows passes; "
            "counts as an allow list: whoever matches none of the rule's allow "
            "lists is denied",
        ),
    )
    write_allow_if_tagged: Pubkeys = declared(
        (),
        _who(
            WRITE,
            Step.ALLOW,
            Whom.TAGGED,
            means="an event with a p tag naming one of these passes; counts as an allow list",
        ),
    )
    criteria: Mapping[str, Any] = declared(
        MappingProxyType({}),
        Field(
            unit="criteria",
            key="x_name",
            prefix=CRITERION_PREFIX,
            read=read_criteria,
            asked_on=BOTH,
            direction=cannot_be_told,
            noun_untold="value",
            owners_only=True,
            means="a criterion of a plugin, of whatever name with x_ (section 13)",
        ),
    )
    """The values of fields that plugins add, by their names."""

    @cached_property
    def naming_lists(self) -> Mapping[str, KeyList]:
        """The lists of keys that have names of lists among them, by field."""
        written = ((name, getattr(self, name)) for name in key_lists_of(type(self)))
        made = {name: KeyList.of(value) for name, value in written if value}
        return MappingProxyType({name: each for name, each in made.items() if each.names})


_LIFTS_THE_WHITELIST: Final = phrase("kinds outside the whitelist too")


@attrs.frozen(kw_only=True)
class GlobalRule(Rule):
    """The rule for every event, besides its kind's own."""

    read_allow_permissive: bool = declared(
        False,
        Field(
            unit="bool",
            asked_on=READ,
            summary=_LIFTS_THE_WHITELIST,
            means="in global only: the kind whitelist does not restrict this access; "
            "never lifts a blacklist; both at once with a kind list is an error",
        ),
    )
    write_allow_permissive: bool = declared(
        False,
        Field(
            unit="bool",
            asked_on=WRITE,
            summary=_LIFTS_THE_WHITELIST,
            means="in global only: the kind whitelist does not restrict this access; "
            "never lifts a blacklist; both at once with a kind list is an error",
        ),
    )

    def lifts_whitelist(self, access: Access) -> bool:
        """Whether the kind whitelist does not restrict an access."""
        return self.write_allow_permissive if access == "write" else self.read_allow_permissive


@attrs.frozen(kw_only=True)
class KindLists:
    """Which kinds pass at all."""

    whitelist: tuple[int, ...] = declared(
        (),
        Field(
            unit="kinds",
            right=Right.ADD_TO_SOME,
            means="0-65535; if not empty, all other kinds are denied, for writing and reading",
        ),
    )
    blacklist: tuple[int, ...] = declared(
        (),
        Field(
            unit="kinds",
            right=Right.ADD,
            means="only if the whitelist is empty: these kinds are denied, all others "
            "pass this step",
        ),
    )


@attrs.frozen(kw_only=True)
class Policy:
    """A whole policy file."""

    kind: KindLists = declared(KindLists(), Field(unit="kind lists"))
    global_rule: GlobalRule | None = declared(
        None,
        Field(
            unit="rule",
            key="global",
            counts_when_empty=True,
            means="applies to every event, besides the kind's own rule",
        ),
    )
    rules: Mapping[int, Rule] = declared(
        MappingProxyType({}),
        Field(
            unit="kind → rule",
            means="the kind's own rule",
        ),
    )
    default_policy: Literal["allow", "deny"] = declared(
        "allow",
        Field(
            unit='`"allow"` or `"deny"`',
            read=read_default_policy,
            means='the answer where nothing denied and nothing granted; unset and "" are "allow"',
        ),
    )
    owners: Pubkeys = declared(
        (),
        Field(
            unit="keys",
            read=read_pubkeys,
            means="full control; merged with the environment's ORLY_OWNERS (comma-separated)",
        ),
    )
    policy_admins: Pubkeys = declared(
        (),
        Field(
            unit="keys",
            read=read_pubkeys,
            means="may extend the policy by signed events",
        ),
    )
    policy_follow_whitelist_enabled: bool = declared(
        False,
        Field(
            unit="bool",
            means="turns write_allow_follows on",
        ),
    )
    plugins: Mapping[str, PluginSettings] = declared(
        MappingProxyType({}),
        Field(
            unit="plugin → settings or `false`",
            read=read_plugins,
            noun_untold="section of plugins",
            means="settings of the relay's other plugins, by name; false: the plugin is "
            "not asked (section 12)",
        ),
    )
    lists: Mapping[str, ListSource] = declared(
        MappingProxyType({}),
        Field(
            unit="name → list",
            noun_untold="section of lists",
            means="sets of keys, which rules name as @name: section 14",
        ),
    )

    @property
    def rule_of_all(self) -> GlobalRule:
        """The global rule; where there is none, one that says nothing."""
        return self.global_rule or _SAYS_NOTHING


_SAYS_NOTHING: Final = GlobalRule()


def rules_of(policy: Policy) -> Iterator[tuple[str, Rule]]:
    """All rules of a policy, each with its place in the file."""
    if policy.global_rule is not None:
        yield "global", policy.global_rule
    for kind, rule in policy.rules.items():
        yield f"rules.{kind}", rule


def scripts_of(policy: Policy) -> Iterator[tuple[str, str]]:
    """Every script that a policy names: its place in the file, and its path as written there."""
    for place, rule in rules_of(policy):
        if rule.script is not None:
            yield f"{place}.script", rule.script


def lists_named(policy: Policy) -> Iterator[tuple[str, str]]:
    """Every name of a list in a rule: its place in the file, and the name."""
    for place, rule in rules_of(policy):
        for field in rule.naming_lists:
            for i, item in enumerate(getattr(rule, field)):
                if item.startswith(SIGN):
                    yield f"{place}.{field}[{i}]", item.removeprefix(SIGN)
