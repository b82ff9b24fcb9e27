"""The contract that an installed plugin wants, beside the one that is installed.

pip compares them when it installs something, and installs all the same where it is told to, or
where another distribution comes later. Then the plugin is not to be loaded: it would fail at
import, or do what its author has never seen.
"""

import re
from collections.abc import Callable, Mapping
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, version
from types import MappingProxyType
from typing import Final

CONTRACT: Final = "orly-policy-hookspecs"
"""The contract's distribution."""

_PACKAGE: Final = __name__.partition(".")[0]
_REQUIREMENT: Final = re.compile(r"([\w.-]+)\s*(?:\[[^]]*\])?\s*\(?([^;()]*)\)?\s*", re.ASCII)
"""A name, extras, versions; without a marker, which says that it does not hold everywhere."""
_SPECIFIER: Final = re.compile(
    r"\s*(~=|===?|!=|<=|>=|<|>)\s*v?(\d+(?:\.\d+)*)(\.\*)?\s*", re.ASCII
)

_Release = tuple[int, ...]
_COMPARE: Final[Mapping[str, Callable[[_Release, _Release], bool]]] = MappingProxyType(
    {
        ">=": lambda installed, wanted: installed >= wanted,
        "<=": lambda installed, wanted: installed <= wanted,
        ">": lambda installed, wanted: installed > wanted,
        "<": lambda installed, wanted: installed < wanted,
        "==": lambda installed, wanted: installed == wanted,
        "===": lambda installed, wanted: installed == wanted,
        "!=": lambda installed, wanted: installed != wanted,
    }
)


def misfit(point: EntryPoint) -> str:
    """Say that a plugin's distribution wants another contract than the installed one; empty where
    it fits, or where nothing says what it wants.
    """
    wanted, installed = _wanted(point.dist), _installed()
    if not (wanted and installed) or fits(installed, wanted):
        return ""
    return (
        f"{_called(point)} wants {CONTRACT}{wanted}, and {installed} is installed; "
        f'pip install "{CONTRACT}{wanted}", or a version of the plugin for {installed}'
    )


def missing(point: EntryPoint, error: Exception) -> str:
    """Say of what a plugin has raised while it was loaded that the installed contract has not what
    it wants; empty where the error is about something else.
    """
    where = error.name if isinstance(error, ImportError) else ""
    if isinstance(error, AttributeError):
        where = getattr(error.obj, "__name__", "")
    if (where or "").partition(".")[0] != _PACKAGE:
        return ""
    wanted = f"{CONTRACT}{_wanted(point.dist)}"
    return (
        f"{_called(point)} wants something that {CONTRACT} {_installed()}, which is installed, "
        f"does not have: {error}; its distribution asks for {wanted}"
    )


def fits(installed: str, wanted: str) -> bool:
    """Whether a version is one of those that are wanted. Of a version its numbers count alone:
    ``0.2.0rc1`` is 0.2.0. A condition that is none of PEP 440 is not looked at.

    :param wanted: as in a requirement: ``>=0.1,<0.2``.
    """
    found = re.match(r"\d+(?:\.\d+)*", installed, re.ASCII)
    return found is None or all(
        _holds(_release(found[0]), each)
        for text in wanted.split(",")
        if (each := _SPECIFIER.fullmatch(text)) is not None
    )


def _holds(installed: _Release, specifier: re.Match[str]) -> bool:
    comparison, number, any_of = specifier.groups()
    wanted = _release(number)
    installed, same = _of_length(installed, len(wanted)), len(wanted)
    if comparison == "~=":
        same -= 1
        return installed[:same] == wanted[:same] and installed >= wanted
    if any_of:
        return (installed[:same] == wanted) is (comparison == "==")
    return _COMPARE[comparison](installed, _of_length(wanted, len(installed)))


def _wanted(distribution: Distribution | None) -> str:
    """The versions of the contract that a distribution wants, as its requirement has them."""
    for requirement in (distribution and distribution.requires) or ():
        found = _REQUIREMENT.fullmatch(requirement)
        if found and re.sub(r"[-_.]+", "-", found[1]).lower() == CONTRACT:
            return found[2].replace(" ", "")
    return ""


def _installed() -> str:
    """The contract's version; empty where it is no installed distribution."""
    try:
        return version(CONTRACT)
    except PackageNotFoundError:
        return ""


def _called(point: EntryPoint) -> str:
    distribution = "" if point.dist is None else f"{point.dist.name} {point.dist.version}"
    return f"plugin {point.name} ({distribution or point.value})"


def _of_length(release: _Release, least: int) -> _Release:
    """A release with as many numbers at least: 0.2 is 0.2.0."""
    return (*release, *(0 for _ in range(least - len(release))))


def _release(number: str) -> _Release:
    return tuple(map(int, number.split(".")))
