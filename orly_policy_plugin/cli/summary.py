"""A policy in plain words, a line a rule. Pure."""

from collections.abc import Iterable, Iterator

from orly_policy_plugin.policy import Policy, Rule
from orly_policy_plugin.policy.models import GlobalRule

_MOST_KINDS = 12
_LONGEST_DESCRIPTION = 60
_DEFAULTS = {
    "allow": "allow: accepted unless a rule says no",
    "deny": "deny: refused unless a rule says yes",
}


def summary(policy: Policy) -> list[tuple[str, str]]:
    """What the policy says: names of its parts, each with one line."""
    return list(_lines(policy))


def _lines(policy: Policy) -> Iterator[tuple[str, str]]:
    yield "default", _DEFAULTS[policy.default_policy]
    yield "kinds", _kinds(policy)
    if policy.global_rule:
        yield "global", _rule(policy.global_rule, policy)
    for kind, rule in sorted(policy.rules.items()):
        yield f"kind {kind}", _rule(rule, policy)
    yield "owners", str(len(policy.owners))
    yield "policy admins", str(len(policy.policy_admins))


def _kinds(policy: Policy) -> str:
    white, black = policy.kind.whitelist, policy.kind.blacklist
    if white:
        unused = " (the blacklist is not looked at)" if black else ""
        return f"only {_numbers(white)}{unused}"
    return f"all but {_numbers(black)}" if black else "all"


def _numbers(kinds: tuple[int, ...]) -> str:
    more = len(kinds) - _MOST_KINDS
    shown = ", ".join(map(str, kinds[:_MOST_KINDS]))
    return f"{shown} and {more} more" if more > 0 else shown


def _rule(rule: Rule, policy: Policy) -> str:
    sentences = [*_about(rule), *_accesses(rule, policy)]
    return " ".join(f"{sentence}." for sentence in sentences) or "Nothing of its own."


def _about(rule: Rule) -> Iterator[str]:
    if description := rule.description.strip():
        long = len(description) > _LONGEST_DESCRIPTION
        yield f"“{description[:_LONGEST_DESCRIPTION]}{'…' if long else ''}”"
    if rule.script is not None:
        yield f"Asks the script {rule.script}"
    if rule.size_limit is not None:
        yield f"Events up to {rule.size_limit} bytes"
    if rule.content_limit is not None:
        yield f"Content up to {rule.content_limit} bytes"


def _accesses(rule: Rule, policy: Policy) -> Iterator[str]:
    writing = [*_who(rule, "write", policy), *_tags(rule), *_times(rule)]
    if writing:
        yield f"Write: {'; '.join(writing)}"
    if reading := list(_who(rule, "read", policy)):
        yield f"Read: {'; '.join(reading)}"


def _tags(rule: Rule) -> Iterator[str]:
    if rule.must_have_tags:
        yield f"with the tags {', '.join(rule.must_have_tags)}"
    if rule.allowed_tags:
        yield f"no tags but {', '.join(rule.allowed_tags)}"
    if rule.protected_required:
        yield "protected (NIP-70)"
    if rule.identifier_regex:
        yield f"d tag matches {rule.identifier_regex.text}"
    for name, regex in rule.tag_validation.items():
        yield f"{name} tags match {regex.text}"


def _times(rule: Rule) -> Iterator[str]:
    if rule.max_expiry_duration:
        yield f"expires within {rule.max_expiry_duration.text}"
    elif rule.max_expiry:
        yield f"expires within {rule.max_expiry} s"
    if rule.max_age_of_event:
        yield f"at most {rule.max_age_of_event} s old"
    if rule.max_age_event_in_future:
        yield f"at most {rule.max_age_event_in_future} s ahead"
    if rule.rate_limit:
        yield f"{rule.rate_limit} bytes per second"


def _who(rule: Rule, access: str, policy: Policy) -> Iterator[str]:
    """Sections 2.2 to 2.5 of the spec in words; nothing where the rule does not say who."""
    denied: tuple[str, ...] = getattr(rule, f"{access}_deny")
    grants = list(_grants(rule, policy))
    allows = list(_allows(rule, access))
    if allows:
        yield f"only {' or '.join(grants + allows)}"
    elif _opens(rule, access):
        yield "everybody"
    elif grants:
        yield f"{' or '.join(grants)}, others by default"
    if denied:
        yield f"never {_keys(denied)}"
    if isinstance(rule, GlobalRule) and getattr(rule, f"{access}_allow_permissive"):
        yield "kinds outside the whitelist too"


def _opens(rule: Rule, access: str) -> bool:
    """Whether a kind's rule lets everybody in who is not denied."""
    allow, deny = getattr(rule, f"{access}_allow"), getattr(rule, f"{access}_deny")
    return not isinstance(rule, GlobalRule) and (allow == () or bool(deny))


def _grants(rule: Rule, policy: Policy) -> Iterator[str]:
    if rule.write_allow_follows and policy.policy_follow_whitelist_enabled:
        yield "whom a policy admin follows"
    if rule.follows_whitelist_admins:
        yield f"whom one of {_keys(rule.follows_whitelist_admins)} follows"


def _allows(rule: Rule, access: str) -> Iterator[str]:
    if allowed := getattr(rule, f"{access}_allow"):
        yield _keys(allowed)
    if access == "read" and rule.privileged:
        yield "the author and whom p tags name"
    if following := getattr(rule, f"{access}_follows_whitelist"):
        yield f"{_keys(following)} and whom they follow"
    if access == "write" and rule.write_allow_if_tagged:
        yield f"events that name one of {_keys(rule.write_allow_if_tagged)} in a p tag"


def _keys(keys: Iterable[str]) -> str:
    count = len(set(keys))
    return "1 key" if count == 1 else f"{count} keys"
