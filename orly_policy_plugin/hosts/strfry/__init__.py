"""strfry, and every relay that took over its write-policy protocol: one JSON object a line in, one
out. Writes only: what a relay hands out, no such plugin is asked.
"""

from .lines import SOURCES, LineHost

__all__ = ["SOURCES", "LineHost"]
