"""What the example relay and its client show."""

import sys
from pathlib import Path

PYTHON = Path(sys.executable).name


def program(name: str) -> str:
    """A program of this Python's folder, from the current folder where it is below that."""
    path = Path(sys.executable).with_name(name)
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
