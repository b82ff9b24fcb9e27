"""Witnesses of what two policies decide differently: questions that each answers otherwise.

Of each region of questions one representative is asked: a limit and one more, one key of each
class of keys, one violation at a time. Both policies' compiled snapshots answer, so that no
witness is false. Pure.
"""

from .comparing import Comparison, Side, compare
from .questions import Difference, Question
from .taking_back import Unit, taken_over

__all__ = ["Comparison", "Difference", "Question", "Side", "Unit", "compare", "taken_over"]
