"""A version in the history: what was in force, since when, and who brought it."""

import itertools
import operator
from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

import attrs
from attrs import validators

from orly_policy_hookspecs.nip01.hexes import HEX32

from ..counted import listed
from ..errors import PolicyError
from ..policy.writing import VERSION_DIGITS

How = Literal[
    "start",
    "hand edit",
    "event",
    "rollback",
    "publish",
    "set",
    "promote",
    "contribution",
    "withdrawal",
]
"""``start``: found at the first start; ``event``: an owner's policy event; ``rollback``,
``publish``, ``set`` and ``promote``: the command of that name; the last two: a policy admin's
event, and what withdrew one.
"""

HOWS: Final[tuple[How, ...]] = get_args(How)
VERSION: Final = rf"[0-9a-f]{{{VERSION_DIGITS}}}"
LATEST_SECONDS: Final = 10**12 - 1

LONGEST_NAME: Final = 256
"""Of a user, in characters."""

_SHOWN: Final = 5
_KEY: Final = validators.matches_re(HEX32)


class UnknownVersion(PolicyError):
    """No version, or several, of the history are meant."""


@attrs.frozen(kw_only=True)
class Entry:
    """A version that came into force."""

    version: str = attrs.field(validator=validators.matches_re(VERSION))
    """Of the policy with its contributions."""
    recorded_at: int = attrs.field(
        validator=[
            validators.instance_of(int),
            validators.ge(0),
            validators.le(LATEST_SECONDS),
        ]
    )
    """Unix seconds."""
    how: How = attrs.field(validator=validators.in_(HOWS))
    author: str | None = attrs.field(default=None, validator=validators.optional(_KEY))
    """Who signed the event."""
    event_id: str | None = attrs.field(default=None, validator=validators.optional(_KEY))
    user: str | None = attrs.field(
        default=None,
        validator=validators.optional(validators.matches_re(rf"(?s).{{1,{LONGEST_NAME}}}")),
    )
    """The system's user who has called a command."""
    content: bytes = attrs.field(validator=validators.instance_of(bytes), repr=False)
    """The policy file, byte for byte."""
    contributions: Mapping[str, bytes | None] = attrs.field(
        factory=dict, validator=validators.deep_mapping(_KEY, mapping_validator=None), repr=False
    )
    """The contributions that were in force, oldest first: by event id their canonical JSON (see
    :attr:`.Contribution.canonical`), or ``None`` where that is no longer stored."""


def meant_version(prefix: str, versions: Sequence[str]) -> str:
    """The one version that begins with ``prefix``.

    :param versions: all, newest first; one may occur more than once.
    :raises UnknownVersion: there is none, or there are several; the message names them.
    """
    known = list(dict.fromkeys(versions))
    matching = [version for version in known if prefix and version.startswith(prefix.lower())]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise UnknownVersion(f"{prefix!r} may mean {listed(matching, _SHOWN)}; give more digits")
    if not known:
        raise UnknownVersion(f"there is no version {prefix!r}: the history is empty")
    near = sorted(known, key=lambda version: -_common_digits(prefix.lower(), version))
    raise UnknownVersion(f"there is no version {prefix!r}; there are {listed(near, _SHOWN)}")


def _common_digits(one: str, other: str) -> int:
    same = itertools.takewhile(bool, map(operator.eq, one, other))
    return sum(same)
