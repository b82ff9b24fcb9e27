"""What is known of a script's process while it runs."""

import attrs

from .child import Child
from .files import FileId


@attrs.define
class RunningProcess:
    """Kept by the runner, and forgotten when the process has ended."""

    child: Child
    file: FileId
    has_to_prove: bool
    """Whether it is asked nothing before it has proved that it starts."""
    proved_at: float = float("inf")
    answers: int = 0
    strays: int = 0
    leaving: str = ""
    """Why it is being ended; empty while it is not."""
    leaving_is_failure: bool = False
    is_broken_off: bool = False
    """Whether what it says counts no more."""
    leaving_since: float = 0.0
