"""Reading the inputs of commands: policy files, events, follow lists, pubkeys. An input
that cannot be used ends the command with lines that say why.
"""

import contextlib
import io
import ipaddress
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar, cast

import click

from orly_policy_hookspecs.nip01 import FrozenEvent, MalformedEvent
from orly_policy_hookspecs.nip01 import read_event as event_of_json
from orly_policy_plugin.authority import RefusedUpdate
from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.policy import InvalidPolicy, Problem, parse_pubkey
from orly_policy_plugin.policy.strict_json import JsonObject, decode_json
from orly_policy_plugin.policy.values import each, read_members, read_pubkeys
from orly_policy_plugin.policy_file import read_policy_file, read_policy_from
from orly_policy_plugin.settings import Settings

from .showing import UnusableInput, UnusablePolicy

_T = TypeVar("_T")

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of what a command is given: a file, standard input, or a line of a test suite."""
TOO_LARGE: Final = f"this is over {MOST_BYTES >> 20} MiB, more than a command takes"

pass_environment_option = click.option(
    "--pass-env",
    "pass_environment",
    multiple=True,
    metavar="NAME",
    help="A variable that scripts find in their environment besides PATH, LANG and HOME; may be "
    "repeated. A relay passes on those that its setting script_environment names.",
)


def policy_content(file: Path, most_bytes: int) -> bytes:
    """The content of a policy file, or of standard input where the file is ``-``.

    :raises Unreadable: it cannot be read, or is too large.
    """
    if not is_standard_input(file):
        return read_policy_file(file, most_bytes)
    return read_policy_from(standard_input(), shown_name(file), most_bytes)


def largest_policy_bytes() -> int:
    """The bytes that ``ORLY_POLICY_MAX_BYTES`` allows.

    :raises PolicyError: it says nothing that could be used.
    """
    return Settings.from_environment(".").largest_policy_bytes


@contextlib.contextmanager
def unusable_policy(where: object) -> Iterator[None]:
    """End the command where a policy is wrong (exit 1), or cannot be read at all (exit 2).

    :param where: what the problems are of: a file, a version.
    """
    try:
        yield
    except InvalidPolicy as error:
        raise UnusablePolicy(f"{where}: {problem}" for problem in error.problems) from error
    except PolicyError as error:
        raise UnusableInput([str(error)]) from error


@contextlib.contextmanager
def refused_update() -> Iterator[None]:
    """End the command with the words of a relay that refuses an update, a line a problem."""
    try:
        yield
    except (RefusedUpdate, InvalidPolicy) as error:
        problems = error.problems or (error,)
        raise UnusablePolicy(f"refused: {problem}" for problem in problems) from error


def load_event(name: str) -> FrozenEvent:
    """Read an event from a file, or from standard input where the name is ``-``.

    :raises UnusableInput: it is none.
    """
    return _load(name, "an event", read_event)


def load_follows(name: str) -> dict[str, tuple[str, ...]]:
    """Read follow lists: a JSON object of author to the list of pubkeys that the author follows.

    :raises UnusableInput: it is none, or names a pubkey that is not one; a line for each problem.
    """
    return _load(name, "a JSON object of author to list of pubkeys", read_follows)


def _load(name: str, what: str, read: Callable[[object], _T]) -> _T:
    try:
        return read(decode(content_of(name), what))
    except InvalidPolicy as error:
        problems = [str(problem) for problem in error.problems]
    except ValueError as error:
        problems = [str(error)]
    except OSError as error:
        problems = [error.strerror or str(error)]
    raise UnusableInput(f"{shown_name(name)}: {problem}" for problem in problems)


def is_standard_input(name: str | Path) -> bool:
    """Whether a file's name is ``-``."""
    return str(name) == "-"


def shown_name(name: str | Path) -> str:
    """A file's name in messages."""
    return "standard input" if is_standard_input(name) else str(name)


def standard_input() -> io.BufferedReader:
    """Standard input; empty where it was closed. It can be read once.

    :raises UnusableInput: one command line names it twice.
    """
    given = click.get_current_context().meta
    if given.setdefault(_IS_READ, False):
        raise UnusableInput(["standard input is named twice, and can be read once; name a file"])
    given[_IS_READ] = True
    content = cast("io.RawIOBase", sys.stdin.buffer) if sys.stdin else io.BytesIO()
    return io.BufferedReader(content)


_IS_READ: Final = f"{__name__}.standard_input_is_read"


@contextlib.contextmanager
def opened(name: str | Path) -> Iterator[io.BufferedReader]:
    """A file to read from, or standard input where the name is ``-``.

    :raises OSError: it cannot be opened.
    """
    if is_standard_input(name):
        yield standard_input()
        return
    with Path(name).open("rb") as file:
        yield file


def content_of(name: str) -> bytes:
    """The content of a file, or of standard input where the name is ``-``.

    :raises ValueError: it is too large.
    :raises OSError: it cannot be read.
    """
    with opened(name) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(TOO_LARGE)
    return content


def decode(content: bytes, what: str) -> object:
    """The value of a JSON text.

    :param what: what is expected, for the message where there is nothing at all.
    :raises ValueError: it is not JSON.
    """
    if not content.strip():
        raise ValueError(f"this is empty; {what} is needed")
    return decode_json(content)


def read_event(value: object) -> FrozenEvent:
    """The event that a JSON value is.

    :raises InvalidPolicy: it is none.
    """
    if isinstance(value, list) and value and value[0] == "EVENT":
        raise _invalid("this is a message to or from a relay; take the object inside it alone")
    if isinstance(value, JsonObject) and value.duplicates:
        raise _invalid(f"the key {value.duplicates[0]!r} occurs more than once; keep one")
    try:
        return event_of_json(value)
    except MalformedEvent as error:
        raise _invalid(str(error)) from error


def read_follows(value: object) -> dict[str, tuple[str, ...]]:
    """Follow lists from a JSON value, in the engine's form.

    :raises InvalidPolicy: with every problem.
    """
    members = read_members(value)
    pairs = each(((author, (author, keys)) for author, keys in members.items()), _follow_list)
    follows = dict(pairs)
    if len(follows) < len(pairs):
        raise _invalid("an author occurs twice, once in hex and once as npub1…; keep one")
    return follows


def _follow_list(entry: tuple[str, object]) -> tuple[str, tuple[str, ...]]:
    author, keys = entry
    return read_pubkey(author), read_pubkeys(keys, None)


def read_pubkey(value: object) -> str:
    """A public key from a JSON value.

    :raises InvalidPolicy: it is none.
    """
    try:
        return parse_pubkey(value)
    except ValueError as error:
        raise _invalid(str(error)) from error


def _invalid(message: str) -> InvalidPolicy:
    return InvalidPolicy([Problem("", message)])


def pubkeys_option(
    _: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """An option's values as public keys, each once. What was typed is not repeated if secret."""
    try:
        return tuple(dict.fromkeys(parse_pubkey(value.strip()) for value in values))
    except ValueError as error:
        raise click.BadParameter(str(error), param=param) from error


def ip_option(_: click.Context, param: click.Parameter, value: str | None) -> str:
    """An option's value as an IP address; empty where it was not given."""
    try:
        return str(ipaddress.ip_address(value)) if value is not None else ""
    except ValueError as error:
        message = f"{value!r} is not an IP address such as 192.0.2.7 or 2001:db8::7"
        raise click.BadParameter(message, param=param) from error
