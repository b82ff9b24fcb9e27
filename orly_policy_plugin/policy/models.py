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

    description: str = declared("", Field(unit="text", summary=quotation))
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
        ),
    )
    protected_required: bool = declared(
        False,
        Field(
            unit="bool",
            asked_on=WRITE,
            summary=phrase("protected (NIP-70)"),
            direction=if_set("writes without a - tag"),
        ),
    )
    identifier_regex: Regex | None = declared(
        None,
        Field(
            unit="RE2",
            asked_on=WRITE,
            summary=phrase("d tag matches {}"),
            direction=if_set("writes without a d tag, or with one that does not match"),
        ),
    )
    tag_validation: Mapping[str, Regex] = declared(
        MappingProxyType({}),
        Field(
            unit="tag → RE2",
            asked_on=WRITE,
            summary=phrase_each("{} tags match {}"),
            direction=if_set("writes with a {} tag that does not match"),
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
        ),
    )
    write_deny: Pubkeys = declared(
        (), _who(WRITE, Step.DENY, Whom.LISTED, right=Right.ADD_TO_SOME)
    )
    read_deny: Pubkeys = declared((), _who(READ, Step.DENY, Whom.LISTED, right=Right.ADD_TO_SOME))
    write_allow: Pubkeys | None = declared(
        None,
        _who(WRITE, Step.ALLOW, Whom.LISTED, counts_when_empty=True, right=Right.ADD_TO_SOME),
    )
    read_allow: Pubkeys | None = declared(
        None,
        _who(READ, Step.ALLOW, Whom.LISTED, counts_when_empty=True, right=Right.ADD_TO_SOME),
    )
    privileged: bool = declared(False, _who(READ, Step.ALLOW, Whom.PARTIES))
    write_allow_follows: bool = declared(
        False, _who(BOTH, Step.GRANT, Whom.FOLLOWED_BY_ADMINS, right=Right.SWITCH_ON)
    )
    follows_whitelist_admins: Pubkeys = declared(
        (), _who(BOTH, Step.GRANT, Whom.FOLLOWED, right=Right.ADD)
    )
    write_follows_whitelist: Pubkeys = declared(
        (), _who(WRITE, Step.ALLOW, Whom.LISTED_AND_FOLLOWED)
    )
    read_follows_whitelist: Pubkeys = declared(
        (), _who(READ, Step.ALLOW, Whom.LISTED_AND_FOLLOWED)
    )
    write_allow_if_tagged: Pubkeys = declared((), _who(WRITE, Step.ALLOW, Whom.TAGGED))
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
        False, Field(unit="bool", asked_on=READ, summary=_LIFTS_THE_WHITELIST)
    )
    write_allow_permissive: bool = declared(
        False, Field(unit="bool", asked_on=WRITE, summary=_LIFTS_THE_WHITELIST)
    )

    def lifts_whitelist(self, access: Access) -> bool:
        """Whether the kind whitelist does not restrict an access."""
        return self.write_allow_permissive if access == "write" else self.read_allow_permissive


@attrs.frozen(kw_only=True)
class KindLists:
    """Which kinds pass at all."""

    whitelist: tuple[int, ...] = declared((), Field(unit="kinds", right=Right.ADD_TO_SOME))
    blacklist: tuple[int, ...] = declared((), Field(unit="kinds", right=Right.ADD))


@attrs.frozen(kw_only=True)
class Policy:
    """A whole policy file."""

    kind: KindLists = declared(KindLists(), Field(unit="kind lists"))
    global_rule: GlobalRule | None = declared(
        None, Field(unit="rule", key="global", counts_when_empty=True)
    )
    rules: Mapping[int, Rule] = declared(MappingProxyType({}), Field(unit="kind → rule"))
    default_policy: Literal["allow", "deny"] = declared(
        "allow", Field(unit='`"allow"` or `"deny"`', read=read_default_policy)
    )
    owners: Pubkeys = declared((), Field(unit="keys", read=read_pubkeys))
    policy_admins: Pubkeys = declared((), Field(unit="keys", read=read_pubkeys))
    policy_follow_whitelist_enabled: bool = declared(False, Field(unit="bool"))
    plugins: Mapping[str, PluginSettings] = declared(
        MappingProxyType({}),
        Field(
            unit="plugin → settings or `false`",
            read=read_plugins,
            noun_untold="section of plugins",
        ),
    )
    lists: Mapping[str, ListSource] = declared(
        MappingProxyType({}), Field(unit="name → list", noun_untold="section of lists")
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
