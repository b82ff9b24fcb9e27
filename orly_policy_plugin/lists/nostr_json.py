"""A ``nostr.json``: the keys of all names that it has, as NIP-05 has them. Pure."""

from ..policy import InvalidPolicy, Problem, parse_pubkey
from ..policy.strict_json import decode_policy_json
from ..policy.values import checked, each, read_members


def read_nostr_json(content: bytes) -> frozenset[str]:
    """The keys behind the names. What else the file has (``relays``) is for others.

    :raises InvalidPolicy: it is no JSON, or not of this form; with every place.
    """
    try:
        value = decode_policy_json(content)
    except ValueError as error:
        raise InvalidPolicy([Problem("", str(error))]) from error
    names = read_members(value, comments=False).get("names")
    if names is None:
        raise InvalidPolicy([Problem("", "has no 'names', an object of name to key")])
    problems: list[Problem] = []
    keys = checked(
        problems,
        lambda names: each(read_members(names, comments=False).items(), _key),
        names,
    )
    if problems or keys is None:
        raise InvalidPolicy(problem.within("names") for problem in problems)
    return frozenset(keys)


def _key(value: object) -> str:
    try:
        return parse_pubkey(value)
    except ValueError as error:
        raise InvalidPolicy([Problem("", str(error))]) from error
