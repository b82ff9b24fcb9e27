"""A field of the policy file is declared once, at its attribute of the model.

Reading, writing, versions, differences, the summary, the compiled conditions and the rights of
policy admins iterate over these declarations. A model's attribute without one is an error when
the model is first used.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar, cast

import attrs

from .who import Who
from .wording import Direction, Phrases

Access = Literal["write", "read"]

NEITHER: Final[tuple[Access, ...]] = ()
WRITE: Final[tuple[Access, ...]] = ("write",)
READ: Final[tuple[Access, ...]] = ("read",)
BOTH: Final[tuple[Access, ...]] = ("write", "read")

Reader = Callable[[Any, Any], Any]
"""From a decoded JSON value (and cattrs' target type) to the field's value.

Raises :class:`.InvalidPolicy` with places relative to the value.
"""


class Right(Enum):
    """A right of policy admins to a field, in a full policy or by an extension.

    Sections 8 and 9 of the spec.
    """

    ADD = ("only add {unit}", "_add")
    ADD_TO_SOME = ("only add {unit} to a list that has some", "_add")
    RAISE = ("only raise it where it is set", "_override")
    SWITCH_ON = ("only switch it on", "")

    def __init__(self, how: str, suffix: str) -> None:
        self.how = how
        """For the sentence ``an admin may …``."""
        self.suffix = suffix
        """Makes the field's name that of the contribution's field which does it."""


@attrs.frozen(kw_only=True)
class Field:
    """The declaration of one field."""

    unit: str
    """Of a number, or what a value is: the words of the table in section 1 of the spec."""
    means: str = ""
    """What it says of an event, in a sentence's end: the words of the same table."""
    key: str = ""
    """In the file; empty where it is the attribute's name."""
    read: Reader | None = None
    """``None`` where the attribute's type says how a value is read."""
    asked_on: tuple[Access, ...] = NEITHER
    """On which access a rule's field has a say."""
    counts_when_empty: bool = False
    """Whether an empty list, or 0, says something else than the field not written."""
    loses_to: str = ""
    """The field that counts where both are set."""
    summary: Phrases | None = None
    """The value in words; ``None`` where :attr:`who` has them, or there is nothing to tell."""
    direction: Direction | None = None
    """Tells what a change newly allows and refuses, where the field can only deny."""
    who: Who | None = None
    """The people whom the field lets in or keeps out, where it is about that."""
    is_upper_limit: bool = False
    """Whether a number, or a duration, is the most that passes."""
    right: Right | None = None
    """The right of policy admins to it in an owner's rule; ``None`` for no right."""
    prefix: str = ""
    """Of the keys in the file that are the field's members: they stand beside the other fields."""
    noun_untold: str = ""
    """The noun for a value that only owners are told, because it names files."""
    owners_only: bool = False
    """Whether not even a rule that a policy admin adds may have it."""

    def members_that_differ(self, name: str, old: Any, new: Any) -> list[str]:
        """The keys at which two values of the field differ.

        :param name: the field's own key.
        """
        if not self.prefix:
            return [name]
        was, is_now = old or {}, new or {}
        return sorted(key for key in was.keys() | is_now.keys() if was.get(key) != is_now.get(key))

    def is_set(self, value: Any) -> bool:
        """Whether a value says something."""
        return bool(value) or (self.counts_when_empty and value is not None)


def declared(default: Any, field: Field) -> Any:
    """A model's attribute with its declaration."""
    return attrs.field(default=default, metadata={Field: field})


_Function = TypeVar("_Function", bound=Callable[..., Any])


def once(of_model: _Function) -> _Function:
    """Remember what a function says of a model: ``functools.cache``, without losing its types."""
    return cast(_Function, cache(of_model))


@once
def fields_of(model: type) -> Mapping[str, Field]:
    """A model's declarations by attribute, in the order of section 1 of the spec.

    :raises TypeError: an attribute has none.
    """
    if bare := [each.name for each in attrs.fields(model) if Field not in each.metadata]:
        raise TypeError(f"{model.__name__}.{bare[0]} is not declared: see policy.fields.Field")
    return MappingProxyType({each.name: each.metadata[Field] for each in attrs.fields(model)})


@once
def keys_of(model: type) -> Mapping[str, str]:
    """The keys that a model's attributes have in the file, by attribute."""
    named = {name: field.key or name for name, field in fields_of(model).items()}
    return MappingProxyType(named)


@once
def prefixes_of(model: type) -> Mapping[str, str]:
    """By the key of a field whose members stand beside the other fields, their keys' prefix."""
    keys = keys_of(model)
    found = {keys[name]: field.prefix for name, field in fields_of(model).items() if field.prefix}
    return MappingProxyType(found)


def value_in_effect(model: Any, name: str) -> Any:
    """A field's value; ``None`` where it is not set, or another one counts in its place."""
    field = fields_of(type(model))[name]
    value = getattr(model, name)
    if not field.is_set(value):
        return None
    if field.loses_to and value_in_effect(model, field.loses_to) is not None:
        return None
    return value


@attrs.frozen
class RightTo:
    """A field that policy admins have a right to."""

    name: str
    field: Field
    right: Right
    extending: str
    """The contribution's field that does what the right allows."""


@once
def rights_in(model: type, prefix: str = "") -> tuple[RightTo, ...]:
    """List the fields of a model that policy admins have a right to.

    :param prefix: of the contribution's fields.
    """
    return tuple(
        RightTo(name, field, field.right, f"{prefix}{name}{field.right.suffix}")
        for name, field in fields_of(model).items()
        if field.right is not None
    )
