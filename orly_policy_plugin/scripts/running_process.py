"""The state of a script's process while it runs."""

import attrs

from .child import Child
from .files import FileId


@attrs.define
class RunningProcess:
    """A process as its runner knows it, until it has ended."""

    child: Child
    file: FileId
    has_to_prove: bool
    """Whether it is asked nothing yet: it has to run for a while first."""
    proved_at: float = float("inf")
    answers: int = 0
    strays: int = 0
    leaving: str = ""
    """Why it is being ended; empty while it is to run on."""
    leaving_is_failure: bool = False
    is_broken_off: bool = False
    """Whether its answers are ignored from now on."""
    leaving_since: float = 0.0
