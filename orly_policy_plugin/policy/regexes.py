"""Regular expressions of a policy: RE2's syntax and linear time.

The library is ``pyre2``, which searches ten times as fast as RE2's own Python binding. What makes
it differ from RE2 as Go has it is undone here: it hands what it cannot do to Python's ``re``
unless told not to, lets ``\\d`` and ``\\w`` match beyond ASCII, takes ``\\Z``, ``[\\b]`` and a
backslash at the end, rejects ``\\x{263a}``, ``\\07`` and ``(?<name>…)``, reads into ``\\Q…\\E``.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

import attrs
import re2

re2.set_fallback_notification(re2.FALLBACK_EXCEPTION)

MOST_MEMORY_BYTES: Final = 2**20
"""Of one compiled expression: keeps the time to compile it below 20 milliseconds."""
LONGEST_PATTERN: Final = 10_000

_TOKEN = re.compile(
    r"""
      \\Q (?P<quoted> .*? ) (?: \\E | \Z )
    | \\x \{ (?P<hex> [0-9A-Fa-f]{1,8} ) \}
    | \\ (?P<octal> 0[0-7]{0,2} | [1-7][0-7]{1,2} )
    | \\ (?P<other> . | \Z )
    | (?P<opens> \[ \^? \]? )              # a bracket that comes first is in the class
    | (?P<name> \( \? ) < (?=[A-Za-z_])    # a named group in Perl's way
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_TOKEN_IN_CLASS = re.compile(
    r"""
      \\x \{ (?P<hex> [0-9A-Fa-f]{1,8} ) \}
    | \\ (?P<octal> 0[0-7]{0,2} | [1-7][0-7]{1,2} )
    | \\ (?P<other> . | \Z )
    | \[: .*? :\]                          # [:alpha:]
    | (?P<closes> \] )
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_NOT_RE2 = frozenset({"", "Z", *"123456789"})
_NOT_RE2_IN_CLASS = _NOT_RE2 | {"b"}


@attrs.frozen
class Regex:
    """A compiled regular expression. Equal to another of the same text."""

    text: str
    _compiled: Any = attrs.field(eq=False, repr=False)
    most_characters: int | None = attrs.field(default=None, eq=False, repr=False)
    """The most that an event's values may have together; ``None`` for the owner's: no bound."""

    def is_too_much(self, values: Iterable[str]) -> bool:
        """Whether an event has more to match than is let it."""
        return self.most_characters is not None and sum(map(len, values)) > self.most_characters

    def matches(self, value: str) -> bool:
        """Whether it is found anywhere in the value: searched, not anchored."""
        return self._compiled.contains(value)  # type: ignore[no-any-return]


def parse_regex(text: str, most_memory_bytes: int = MOST_MEMORY_BYTES) -> Regex:
    """Compile a regular expression in RE2's syntax.

    :param most_memory_bytes: that the compiled expression may take.
    :raises ValueError: it is not one, or takes more; the message has RE2's reason.
    """
    if len(text) > LONGEST_PATTERN:
        raise ValueError(f"a regular expression has at most {LONGEST_PATTERN} characters")
    # pyre2's cache knows texts and no bounds: what was compiled under the larger bound must not be
    # found under a smaller one.
    prefix = "" if most_memory_bytes == MOST_MEMORY_BYTES else "(?:)"
    try:
        compiled = re2.compile(prefix + _for_pyre2(text), re2.ASCII, most_memory_bytes)
    except (re2.error, ValueError, OverflowError) as error:
        reason = str(error).replace(prefix, "", 1)
        raise ValueError(f"{text!r} is not an RE2 regular expression: {reason}") from error
    if type(compiled) is not re2.Pattern:
        raise ValueError(f"{text!r} is not an RE2 regular expression")
    return Regex(text, compiled)


def _for_pyre2(text: str) -> str:
    """The same regular expression in what ``pyre2`` takes."""
    written = []
    position = 0
    in_class = False
    while token := (_TOKEN_IN_CLASS if in_class else _TOKEN).match(text, position):
        position = token.end()
        written.append(_token(token, _NOT_RE2_IN_CLASS if in_class else _NOT_RE2))
        in_class = not token["closes"] if in_class else bool(token["opens"])
    return "".join(written)


def _token(token: re.Match[str], refused: frozenset[str]) -> str:
    found = token.groupdict()
    if hex_digits := found["hex"]:
        return _character(int(hex_digits, 16))
    if octal_digits := found["octal"]:
        return _character(int(octal_digits, 8))
    if found["other"] in refused:
        hint = r" (write \z)" if token[0] == r"\Z" else ""
        raise ValueError(f"invalid escape sequence: {token[0]}{hint}")
    if found.get("name"):
        return "(?P<"
    quoted = found.get("quoted")
    return token[0] if quoted is None else f"(?:){re.escape(quoted)}"  # no part of what is before


def _character(code: int) -> str:
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise ValueError(f"there is no character {code:x}")
    character = chr(code)
    return f"\\x{code:02x}" if character.isascii() else character
