"""Policies as data: reading a file with all its problems, the models, writing. Pure."""

from .criterion_keys import key_reader
from .diff import Difference, differences, json_differences
from .durations import Duration, parse_duration
from .models import GlobalRule, KindLists, Policy, Rule, lists_named, rules_of, scripts_of
from .named_lists import Lists, ListSource
from .problems import InvalidPolicy, Problem
from .pubkeys import parse_pubkey
from .reading import decode_policy, read_policy, structure_policy
from .regexes import Regex, parse_regex
from .writing import json_version, policy_version, unstructure_policy, write_policy

__all__ = [
    "Difference",
    "Duration",
    "GlobalRule",
    "InvalidPolicy",
    "KindLists",
    "ListSource",
    "Lists",
    "Policy",
    "Problem",
    "Regex",
    "Rule",
    "decode_policy",
    "differences",
    "json_differences",
    "json_version",
    "key_reader",
    "lists_named",
    "parse_duration",
    "parse_pubkey",
    "parse_regex",
    "policy_version",
    "read_policy",
    "rules_of",
    "scripts_of",
    "structure_policy",
    "unstructure_policy",
    "write_policy",
]
