"""Reading a criterion's value from the policy. Pure; what is wrong is a ``ValueError``."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from orly_policy_hookspecs.errors import did_you_mean

Shape = Mapping[str, Any]
"""A JSON Schema of a criterion's value: of no value that its reader takes it says that it is
wrong.
"""


def whole_number(unit: str, least: int, most: int) -> Callable[[object], int]:
    """Make the function that reads a whole number.

    :param unit: for the message about another value: ``bits``.
    """

    def read(value: object) -> int:
        if type(value) is not int or not least <= value <= most:
            raise _expected(f"a number of {unit}, {least} to {most}", value)
        return value

    return read


def number_shape(least: int, most: int) -> Shape:
    """The shape of what :func:`whole_number` reads."""
    return {"type": "integer", "minimum": least, "maximum": most}


def object_shape(members: Mapping[str, Shape], required: Collection[str] = ()) -> Shape:
    """The shape of an object that has no other members than these, and comments."""
    return {
        "type": "object",
        "properties": members,
        "required": list(required),
        "patternProperties": {"^[_$]": {}},
        "additionalProperties": False,
        "minProperties": 1,
    }


def texts_shape(known: Collection[str] = ()) -> Shape:
    """The shape of what :func:`texts` reads.

    :param known: the words that may stand in it, where not any may.
    """
    text: Shape = {"enum": list(known)} if known else {"type": "string"}
    return {"type": "array", "items": text, "minItems": 1}


def members_of(value: object, known: Collection[str]) -> Mapping[str, Any]:
    """An object that has no other members than these, and one at least."""
    names = " and ".join(known)
    if not isinstance(value, Mapping):
        raise _expected(f"an object with {names}", value)
    for name in value:
        if name not in known:
            raise ValueError(f"there is no {name!r:.60} here{did_you_mean(name, known)}")
    if not value:
        raise ValueError(f"expected an object with {names}; this one is empty")
    return value


def texts(value: object, name: str) -> list[str]:
    """A list of texts.

    :param name: of the member, for the message.
    """
    if not isinstance(value, list) or not value:
        raise _expected("a list of texts", value, name)
    for text in value:
        if not isinstance(text, str):
            raise _expected("a text", text, name)
    return value


def one_of(value: object, name: str, known: Collection[str]) -> str:
    """One of some words.

    :param name: of the member, for the message.
    """
    if not isinstance(value, str) or value not in known:
        raise _expected(" or ".join(map(repr, known)), value, name)
    return value


def keys_in_words(written: Sequence[object]) -> str:
    """A list of keys and of names of lists, for a summary: ``@members and 2 keys``."""
    lists = [str(each) for each in written if str(each).startswith("@")]
    keys = len(written) - len(lists)
    counted = [f"{keys} key{'' if keys == 1 else 's'}"] if keys else []
    return " and ".join([*lists, *counted])


def _expected(what: str, found: object, name: str = "") -> ValueError:
    """The error about another value.

    :param name: of the member that has it, where there is one.
    """
    place = f"{name}: " if name else ""
    return ValueError(f"{place}expected {what}, found {found!r:.60}")
