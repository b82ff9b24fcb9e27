"""Scripts (section 5 of SPEC.md): the line protocol, and the processes that speak it.

::

    protocol     a question's line, an answer's line                      pure
    questions    which are asked when, and whose an answer is             pure
    backoff, mentions                                                     pure
    starting     a process is started, with an environment of its own
    child        a process: pipes that never block
    runner       one script: its process and the questions to it
    running      all scripts, on a thread of their own
    files        where scripts are, and whether they can be run
    noise        their standard error in the log
    checking/    a script tried on sample events
"""

from .files import check_scripts, known_scripts, script_path
from .running import Scripts, ScriptStatus

__all__ = ["ScriptStatus", "Scripts", "check_scripts", "known_scripts", "script_path"]
