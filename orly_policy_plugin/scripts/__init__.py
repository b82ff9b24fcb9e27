"""Scripts (section 5 of the spec): the line protocol, and the processes that speak it.

::

    protocol     a question's line, an answer's line                      pure
    asked        a question, and who waits for it                         pure
    askers, fair_queue   whose turn it is                                 pure
    window       how much a script is sent at a time                      pure
    questions    which are asked when, and whose an answer is             pure
    killers      which events have ended it                               pure
    backoff, mentions, our_replies                                       pure
    starting     a process is started, with an environment of its own
    pipes, lines, exits  what a process is sent and prints, and that it has ended
    child        a process in a relay, and its end in order
    running_process   what is known of one while it runs
    runner       one script: its process and the questions to it
    endings      why it was not started, or ended, in words
    running      all scripts, on a thread of their own
    files        where scripts are, and whether they can be run
    noise        their standard error in the log
"""

from .files import check_scripts, known_scripts, script_path
from .running import Scripts, ScriptStatus

__all__ = ["ScriptStatus", "Scripts", "check_scripts", "known_scripts", "script_path"]
