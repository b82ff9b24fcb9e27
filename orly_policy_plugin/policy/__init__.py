"""Policies as data: reading a file with all its problems, the models, writing. Pure."""

from .diff import Difference, differences, json_differences
from .durations import Duration, parse_duration
from .models import GlobalRule, KindLists, Policy, Rule, rules_of, scripts_of
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
    "Policy",
    "Problem",
    "Regex",
    "Rule",
    "decode_policy",
    "differences",
    "json_differences",
    "json_version",
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
