"""Sections 1 to 4 of the spec once more, brute force, written from that page alone.

It takes the policy as JSON and looks everything up anew for each question. The answer is
``"accept"`` or the prefix of the rejection.
"""

# ruff: noqa: C901 -- as long as the page that it follows

import re
from typing import Any

from examples import AnEvent
from strategies import DURATIONS, NPUB, NPUB_HEX

Json = dict[str, Any]


def answer(
    policy: Json,
    access: str,
    event: AnEvent,
    submitter: tuple[str, ...],
    now: int,
    follows: dict[str, frozenset[str]],
    owners: tuple[str, ...] = (),
) -> str:
    """Section 3."""
    if event.kind == 12345:
        may = set(_keys(policy, "owners") + _keys(policy, "policy_admins")) | set(owners)
        if access == "write":
            return "blocked:"
        return "accept" if may & set(submitter) else _refused(submitter, True)
    rules = [(policy["global"], False)] if "global" in policy else []
    own = policy["rules"].get(str(event.kind)) if "rules" in policy else None

    granted = False
    for rule, is_own in rules:
        verdict = _rule(policy, rule, is_own, access, event, submitter, now, follows)
        if verdict not in ("GRANT", "PASS"):
            return verdict
        granted |= verdict == "GRANT"

    lists = policy.get("kind", {})
    if lists.get("whitelist"):
        permissive = policy.get("global", {}).get(f"{access}_allow_permissive", False)
        if event.kind not in lists["whitelist"] and not permissive:
            return "blocked:"
    elif event.kind in lists.get("blacklist", []):
        return "blocked:"

    if own is not None:
        verdict = _rule(policy, own, True, access, event, submitter, now, follows)
        if verdict not in ("GRANT", "PASS"):
            return verdict
        granted |= verdict == "GRANT"

    if granted or policy.get("default_policy", "") != "deny":
        return "accept"
    could_grant = any(
        _has_grant(policy, rule) for rule in (policy.get("global"), own) if rule is not None
    )
    return "auth-required:" if could_grant and not submitter else "blocked:"


def _keys(holder: Json, field: str) -> list[str]:
    return [NPUB_HEX if key == NPUB else key.lower() for key in holder.get(field, [])]


def _refused(submitter: tuple[str, ...], could_help: bool) -> str:
    return "auth-required:" if could_help and not submitter else "restricted:"


def _has_grant(policy: Json, rule: Json) -> bool:
    by_admins = rule.get("write_allow_follows") and policy.get("policy_follow_whitelist_enabled")
    return bool(by_admins or rule.get("follows_whitelist_admins"))


def _rule(
    policy: Json,
    rule: Json,
    own: bool,
    access: str,
    event: AnEvent,
    submitter: tuple[str, ...],
    now: int,
    follows: dict[str, frozenset[str]],
) -> str:
    """Section 2: GRANT, PASS, or the prefix of a denial."""
    if failed := _constraint(rule, access, event, now):
        return failed

    denied = set(_keys(rule, f"{access}_deny"))
    if denied & set(submitter) or (access == "write" and event.pubkey in denied):
        return "restricted:"

    def followed(authors: list[str]) -> bool:
        return any(key in follows.get(author, ()) for author in authors for key in submitter)

    if (
        rule.get("write_allow_follows")
        and policy.get("policy_follow_whitelist_enabled")
        and followed(_keys(policy, "policy_admins"))
    ):
        return "GRANT"
    if followed(_keys(rule, "follows_whitelist_admins")):
        return "GRANT"

    named = [tag[1].lower() for tag in event.tags if tag[0] == "p" and len(tag) > 1]
    ways: list[bool] = []
    by_authenticating = _has_grant(policy, rule)
    if rule.get(f"{access}_allow"):
        ways.append(bool(set(_keys(rule, f"{access}_allow")) & set(submitter)))
        by_authenticating = True
    if access == "read" and rule.get("privileged"):
        ways.append(any(key == event.pubkey or key in named for key in submitter))
        by_authenticating = True
    if rule.get(f"{access}_follows_whitelist"):
        trusted = _keys(rule, f"{access}_follows_whitelist")
        ways.append(bool(set(trusted) & set(submitter)) or followed(trusted))
        by_authenticating = True
    if access == "write" and rule.get("write_allow_if_tagged"):
        ways.append(bool(set(_keys(rule, "write_allow_if_tagged")) & set(named)))
    if ways:
        return "GRANT" if any(ways) else _refused(submitter, by_authenticating)

    if own and (rule.get(f"{access}_allow") == [] or denied):
        return "GRANT"
    return "PASS"


def _constraint(rule: Json, access: str, event: AnEvent, now: int) -> str:
    """The prefix of the first constraint that fails, in the order of the table."""
    if "size_limit" in rule and size(event) > rule["size_limit"]:
        return "blocked:"
    if "content_limit" in rule and len(event.content.encode()) > rule["content_limit"]:
        return "blocked:"
    if access == "read":
        return ""
    names = [tag[0] for tag in event.tags]
    if any(name not in names for name in rule.get("must_have_tags", [])):
        return "invalid:"
    if rule.get("allowed_tags") and any(name not in rule["allowed_tags"] for name in names):
        return "invalid:"
    most = rule.get("max_expiry", 0)
    if "max_expiry_duration" in rule:
        most = DURATIONS[rule["max_expiry_duration"]]
    if most:
        expirations = [_value(tag) for tag in event.tags if tag[0] == "expiration"]
        if not expirations or not _is_integer(expirations[0]):
            return "invalid:"
        if int(expirations[0]) > event.created_at + most:
            return "invalid:"
    if rule.get("protected_required") and "-" not in names:
        return "invalid:"
    if "identifier_regex" in rule:
        values = [_value(tag) for tag in event.tags if tag[0] == "d"]
        if not values or not all(re.search(rule["identifier_regex"], value) for value in values):
            return "invalid:"
    for name, regex in rule.get("tag_validation", {}).items():
        if any(tag[0] == name and not re.search(regex, _value(tag)) for tag in event.tags):
            return "invalid:"
    if (age := rule.get("max_age_of_event")) and event.created_at < now - age:
        return "invalid:"
    if (ahead := rule.get("max_age_event_in_future")) and event.created_at > now + ahead:
        return "invalid:"
    return ""


def _value(tag: list[str]) -> str:
    return tag[1] if len(tag) > 1 else ""


def _is_integer(text: str) -> bool:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not digits or any(digit not in "0123456789" for digit in digits):
        return False
    return -(2**63) <= int(text) < 2**63


def size(event: AnEvent) -> int:
    """The length of the event as compact UTF-8 JSON, counted character by character."""
    count = len('{"id":,"pubkey":,"created_at":,"kind":,"tags":[],"content":,"sig":}')
    count += sum(map(_text_size, (event.id, event.pubkey, event.content, event.sig)))
    count += len(str(event.created_at)) + len(str(event.kind))
    count += sum(2 + sum(map(_text_size, tag)) + max(len(tag) - 1, 0) for tag in event.tags)
    return count + max(len(event.tags) - 1, 0)


def _text_size(text: str) -> int:
    return 2 + sum(map(_character_size, text))


def _character_size(character: str) -> int:
    if character in '\b\t\n\f\r"\\':
        return 2
    code = ord(character)
    if code < 0x20:
        return 6
    return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
