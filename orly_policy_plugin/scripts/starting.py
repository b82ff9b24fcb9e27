"""Start a script's process. A relay and ``orly-policy script-check`` do it alike."""

import os
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

PASSED_ON: Final = ("PATH", "LANG", "HOME")
"""The variables that every script is given. Others may hold secrets."""


def environment_for_scripts(
    names: Collection[str] = (), environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The environment that a script is given.

    :param names: further variables to pass on; one that is not set is left out.
    """
    return {name: environment[name] for name in (*PASSED_ON, *names) if name in environment}


def start_process(
    path: Path, folder: Path, environment: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    """Start a script in a session of its own, behind three pipes.

    :param path: absolute.
    :param folder: to run it in.
    :raises OSError: it cannot be started.
    """
    return subprocess.Popen(  # noqa: S603 -- the operator named it
        [path],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
    )
