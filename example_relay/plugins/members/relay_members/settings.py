"""The plugin's section in the policy file."""

import math
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orly_policy_hookspecs import InvalidSettings

from .register import opened


@dataclass(frozen=True)
class Settings:
    """What the operator has decided."""

    file: Path
    """The register."""
    cache_seconds: float
    """How long what the register says of a member is believed."""


def read_settings(section: Mapping[str, Any]) -> Settings:
    """Read and check the section.

    :raises InvalidSettings: something in it cannot be used; all of that is told.
    """
    unknown = section.keys() - {"file", "cache_seconds"}
    problems = dict.fromkeys(unknown, "unknown: the settings are file and cache_seconds")
    file, seconds = section.get("file"), section.get("cache_seconds", 60)
    if not isinstance(file, str) or not Path(file).is_absolute():
        problems["file"] = f"expected the register's absolute path, found {file!r}"
    else:
        try:
            opened(Path(file)).close()
        except (sqlite3.Error, ValueError) as error:
            problems["file"] = f"{file} cannot be read as a register: {error}"
    if type(seconds) not in (int, float) or not (0 <= seconds < math.inf):
        problems["cache_seconds"] = f"expected a number of seconds, found {seconds!r}"
    if problems:
        raise InvalidSettings(problems)
    return Settings(Path(str(file)), seconds)
