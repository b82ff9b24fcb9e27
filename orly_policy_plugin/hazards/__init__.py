"""Hazards: what is allowed on a machine, and loses events, or trusts what it should not. Each is a
line for the operator, told at a relay's start by each of its processes.
"""

from .files import hazards_of_files, hazards_of_place
from .mounts import Mount, read_mounts
from .networks import is_anybody

__all__ = ["Mount", "hazards_of_files", "hazards_of_place", "is_anybody", "read_mounts"]
