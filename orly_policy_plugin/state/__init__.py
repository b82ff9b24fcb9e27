"""Files that the engine keeps or reads."""

from .atomic import UnwritableFile
from .folders import StateFolders
from .policy_file import read_policy_file, write_policy_file
from .standing import Standing, read_standing

__all__ = [
    "Standing",
    "StateFolders",
    "UnwritableFile",
    "read_policy_file",
    "read_standing",
    "write_policy_file",
]
