"""The port to the relay's other plugins."""

from typing import Protocol

from ..decisions import Fitted
from ..policy import Policy


class Plugins(Protocol):
    """The plugins of a relay."""

    def fit(self, policy: Policy, before: Policy | None) -> Fitted:
        """Have each plugin check the settings that a policy has for it (section 12 of the spec),
        where they are others than before.

        :param before: the policy in force; ``None`` at start.
        :raises InvalidPolicy: with every problem. Nothing has changed.
        """
