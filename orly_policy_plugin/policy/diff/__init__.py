"""Differences of two policies, place by place: in what they say, and in what they mean."""

from .change import Change
from .meaning import changes_of_meaning
from .places import Difference, differences, json_differences

__all__ = ["Change", "Difference", "changes_of_meaning", "differences", "json_differences"]
