"""``orly-policy script-check``: a script is tried on sample events, as a relay would ask it.

::

    command        the command, and how the report is shown
    samples        the events that the script is asked about
    source         the script's text, before it is started
    interruptions  signals that end the check
    trial          its process: read and written as in a relay, with deadlines
    check          what it is asked in which order, and what is found
    faults         what can be found, and the report
    advice         which line to change                                      pure
"""

from .command import script_check

__all__ = ["script_check"]
