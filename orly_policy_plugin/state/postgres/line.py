"""The line of a fleet's changes: which revisions of it a node has seen. Pure.

A failover may lead to a database that lacks the last changes, or that has others in their place.
Numbers do not tell: each revision has a random token, and a database that has another token for
the revision that a node has seen is none that the node may follow.
"""

from typing import Self

import attrs
from attrs import validators

from ...authority.freshness import Mark
from ...policy.strict_json import JsonObject


@attrs.frozen
class Seen:
    """A revision that a node has seen."""

    revision: int = attrs.field(validator=[validators.instance_of(int), validators.ge(0)])
    token: str = attrs.field(validator=validators.instance_of(str))

    @classmethod
    def of_json(cls, value: object) -> Self:
        """:raises ValueError, TypeError: the value says no revision."""
        if not isinstance(value, JsonObject) or value.keys() != {"revision", "token"}:
            raise ValueError("it has not exactly a revision and its token")
        return cls(**value)


@attrs.frozen(kw_only=True)
class Head:
    """The newest revision of a fleet."""

    revision: int
    token: str | None
    """``None`` where somebody has counted up by hand, and given none."""
    digest: bytes | None
    """SHA-256 of the policy; ``None`` where there is none."""
    token_seen: str | None
    """The token of the revision that the node has seen; ``None`` where the database has none."""
    oldest: int
    """The oldest revision whose token is kept."""
    owner: Mark | None
    """The owners' mark."""

    @property
    def seen(self) -> Seen | None:
        """What a node has seen that has read this; ``None``: nothing to know it by again."""
        return None if self.token is None else Seen(self.revision, self.token)

    def goes_on_from(self, seen: Seen | None) -> bool:
        """Whether nothing that the node has seen is missing."""
        if seen is None:
            return True
        if self.revision < seen.revision:
            return False
        return self.token_seen == seen.token or seen.revision < self.oldest

    def is_decided_since(self, mark: Mark | None) -> bool:
        """Whether an owner or the operator has changed the policy since: whatever was lost, they
        have said what counts.

        :param mark: the highest of the owners that the node knows.
        """
        return self.owner is not None and (mark is None or self.owner > mark)
