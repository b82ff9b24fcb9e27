"""Trying a script on sample events, as a relay would ask it, and telling what it does wrong.

::

    samples    the events it is asked about
    source     the script's text, before it is started
    trial      its process: deadlines, and little memory
    check      what it is asked in which order, and what is found
    faults     what can be found, and the report
    advice     which line to change                                      pure
"""

from .advice import advise
from .check import check_script
from .faults import Question, Report, took
from .samples import TOGETHER, Sample, samples
from .source import CannotStart, Source, read_source

__all__ = [
    "TOGETHER", "CannotStart", "Question", "Report", "Sample", "Source",
    "advise", "check_script", "read_source", "samples", "took",
]  # fmt: skip
