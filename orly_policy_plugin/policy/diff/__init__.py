"""What two policies say differently, place by place, and what of it they mean differently."""

from .change import Change
from .meaning import changes_of_meaning
from .places import Difference, differences, json_differences

__all__ = ["Change", "Difference", "changes_of_meaning", "differences", "json_differences"]
