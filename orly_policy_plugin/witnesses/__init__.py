"""Witnesses of what two policies decide differently: questions that each answers otherwise.

Of each region of questions one representative is asked: a limit and one more, one key of each
class of keys, one violation at a time. Both policies' compiled snapshots answer, so that no
witness is false. Pure.

::

    demands      what a field asks of an event, to meet or to break
    samples      values that match regular expressions
    events       an event that meets some demands and breaks another
    people       one key of each class, and who is followed by whom
    questions    a question, and the difference that its answers show
    regions      the questions of one kind, access and set of named keys
    asking       both policies, asked about every region
    taking_back  what one policy says, taken over into another
    comparing    which difference of the policies decides what
"""

from .asking import Side
from .comparing import Comparison, compare
from .questions import Difference, Question
from .taking_back import Unit, taken_over

__all__ = ["Comparison", "Difference", "Question", "Side", "Unit", "compare", "taken_over"]
