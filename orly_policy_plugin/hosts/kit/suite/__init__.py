"""What is said of every host, a file a subject."""

from .bad_input import BadInput
from .changing import Changing
from .duties import Duties
from .hiding import Hiding
from .reading import Reading
from .writing import Writing


class HostSuite(Writing, Reading, Hiding, Changing, Duties, BadInput):
    """All of it. A subclass whose name begins with ``Test``, and a fixture ``host``, run it.

    The fixture yields a :class:`..running.RunningHost`, once for all tests.
    """


__all__ = ["BadInput", "Changing", "Duties", "Hiding", "HostSuite", "Reading", "Writing"]
