"""The folders in which the engine keeps its state."""

from pathlib import Path
from typing import Final

import attrs

LOCK_NAME: Final = ".lock"


def _absolute(path: Path | str) -> Path:
    return Path(path).absolute()


@attrs.frozen
class StateFolders:
    """The folders beside one policy file (sections 7 to 9 of the spec).

    Nothing is there until something is written. Where the policy file is a symlink, its state
    lies beside the link: what the link leads to may be another file tomorrow.
    """

    policy_file: Path = attrs.field(converter=_absolute)
    root: Path = attrs.field(
        default=attrs.Factory(lambda self: self.policy_file.parent, takes_self=True),
        converter=_absolute,
    )
    """The state folder: the policy file's own, unless the host names another."""

    @property
    def contributions(self) -> Path:
        """The contributions of policy admins, a signed event a file."""
        return self.root / "policy-contributions"

    @property
    def follows(self) -> Path:
        """The newest follow list of each needed author, a signed event a file."""
        return self.root / "policy-follows"

    @property
    def history(self) -> Path:
        """The versions that were in force, ``freshness.json`` and the lock."""
        return self.root / "policy-history"

    @property
    def lock_file(self) -> Path:
        """Held by whoever changes the policy or its state."""
        return self.history / LOCK_NAME
