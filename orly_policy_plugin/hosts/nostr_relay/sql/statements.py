"""Statements on a connection."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import attrs
import sqlalchemy as sa

from .dialects import Dialect, Part

_TEXTS_KEPT: Final = 256
"""Statements. There are more, but not with what clients usually ask for."""

text = lru_cache(_TEXTS_KEPT)(sa.text)


@attrs.frozen
class Statements:
    """Runs statements in one transaction."""

    _connection: sa.Connection
    dialect: Dialect

    def rows(self, sql: str, *parts: Part, **parameters: Any) -> Sequence[Any]:
        """What a statement finds.

        :param parts: pieces that are in the statement, for their parameters.
        """
        for part in parts:
            parameters |= part.parameters
        return self._connection.execute(text(sql), parameters).all()

    def run(self, sql: str, *parts: Part, **parameters: Any) -> None:
        """Run a statement that finds nothing."""
        for part in parts:
            parameters |= part.parameters
        self._connection.execute(text(sql), parameters)
