"""What SQLite and PostgreSQL say differently. Pure.

Both get lists of any length in a handful of parameters: no statement is made for a number of
values, so that a few statements, prepared once, do for everything.
"""

# ruff: noqa: S608 -- statements are made of pieces of our own; what clients send is a parameter

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import attrs
import orjson

from .. import capacity


@attrs.frozen
class Part:
    """A piece of a statement, and its parameters."""

    sql: str
    parameters: Mapping[str, Any] = attrs.field(factory=dict, repr=False)


@attrs.frozen
class Bytes:
    """A column of byte strings of one length."""

    values: Sequence[bytes]
    length: int = 32


@attrs.frozen
class Numbers:
    """A column of whole numbers, up to 64 bits."""

    values: Sequence[int]


@attrs.frozen
class Texts:
    """A column of texts, which UTF-8 can hold."""

    values: Sequence[str]


Column = Bytes | Numbers | Texts


class Dialect(Protocol):
    """How a database is spoken to."""

    capacity: capacity.Capacity
    tags_type: str
    """Of the column ``events.tags``."""
    by_bytes: str
    """What is added to a text that is compared as its UTF-8 is."""

    def table(self, name: str, /, **columns: Column) -> Part:
        """Columns as a table of that name, whose column ``n`` numbers the rows from 0 on."""

    def is_in(self, what: str, name: str, column: Column) -> Part:
        """Whether a value is one of a list.

        :param what: SQL for the value.
        :param name: of the list, different from other lists in the statement.
        """


class SQLite:
    """SQLite 3.38 or newer.

    It has no arrays. Bytes and texts are cut out of one long BLOB each: what ``json_each`` makes
    of a JSON text ends at U+0000.
    """

    capacity = capacity.SQLITE
    tags_type = "TEXT"
    by_bytes = ""

    def table(self, name: str, /, **columns: Column) -> Part:
        """See :class:`Dialect`."""
        selected, parameters = ["key AS n"], dict[str, Any]()
        numbers: list[Sequence[int]] = []
        for each, column in columns.items():
            parameter = f"{name}_{each}"
            match column:
                case Bytes(values, length):
                    sql = f"substr(:{parameter}, {length} * key + 1, {length})"
                    parameters[parameter] = b"".join(values)
                case Numbers(values):
                    sql = f"json_extract(value, '$[{len(numbers)}]')"
                    numbers.append(values)
                case Texts(values):
                    start, size = (f"json_extract(value, '$[{len(numbers) + i}]')" for i in (0, 1))
                    sql = f"CAST(substr(:{parameter}, {start}, {size}) AS TEXT)"
                    parameters[parameter], *spans = _joined(values)
                    numbers += spans
            selected.append(f"{sql} AS {each}")
        length = max(len(column.values) for column in columns.values())
        rows = list(zip(*numbers, strict=True)) if numbers else [()] * length
        parameters[f"{name}_rows"] = orjson.dumps(rows).decode()
        return Part(
            f"(SELECT {', '.join(selected)} FROM json_each(:{name}_rows)) AS {name}", parameters
        )

    def is_in(self, what: str, name: str, column: Column) -> Part:
        """See :class:`Dialect`."""
        table = self.table(name, value=column)
        return Part(f"{what} IN (SELECT {name}.value FROM {table.sql})", table.parameters)


def _joined(texts: Sequence[str]) -> tuple[bytes, list[int], list[int]]:
    """All texts as UTF-8 in one, where each begins, counted from 1, and how long each is."""
    encoded = [text.encode() for text in texts]
    sizes = list(map(len, encoded))
    starts, start = [], 1
    for size in sizes:
        starts.append(start)
        start += size
    encoded.append(b"\0")  # of nothing, or past its end, substr would make NULL
    return b"".join(encoded), starts, sizes


class PostgreSQL:
    """PostgreSQL, by asyncpg."""

    capacity = capacity.POSTGRESQL
    tags_type = "JSONB"
    by_bytes = ' COLLATE "C"'

    def table(self, name: str, /, **columns: Column) -> Part:
        """See :class:`Dialect`."""
        _check(columns.values())
        arrays = ", ".join(
            f"CAST(:{name}_{each} AS {_ARRAYS[type(column)]})" for each, column in columns.items()
        )
        names = ", ".join(columns)
        return Part(
            f"(SELECT number - 1 AS n, {names} FROM unnest({arrays}) "
            f"WITH ORDINALITY AS listed ({names}, number)) AS {name}",
            {f"{name}_{each}": list(column.values) for each, column in columns.items()},
        )

    def is_in(self, what: str, name: str, column: Column) -> Part:
        """See :class:`Dialect`."""
        _check([column])
        # Not "= ANY", which holds a row against one value after the other.
        sql = f"{what} IN (SELECT unnest(CAST(:{name} AS {_ARRAYS[type(column)]})))"
        return Part(sql, {name: list(column.values)})


def _check(columns: Iterable[Column]) -> None:
    """Find what is no Unicode before asyncpg does, whose error has all values in its text.

    :raises UnicodeEncodeError: a text has half a surrogate pair.
    """
    for column in columns:
        if isinstance(column, Texts):
            for value in column.values:
                value.encode()


_ARRAYS: Final[Mapping[type, str]] = {
    Bytes: "bytea[]",
    Numbers: "bigint[]",
    Texts: "text[]",
}
