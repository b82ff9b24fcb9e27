"""``x_scripts``: the scripts that content is to be written in, as a share of its letters."""

import unicodedata
from collections import Counter
from collections.abc import Collection
from functools import cache, lru_cache
from typing import Any, Final

import attrs

from orly_policy_hookspecs import Context, Criterion, FrozenEvent, hookimpl
from orly_policy_hookspecs.errors import did_you_mean

from .values import members_of, number_shape, object_shape, texts, texts_shape, whole_number

_MOST_CODE: Final = 0x10FFFF
_PERCENT: Final = 100


@attrs.frozen
class Written:
    """What content is to be written in."""

    scripts: frozenset[str]
    """``LATIN``."""
    percent: int
    """Of the letters, the least that are of these scripts."""


def written(value: object) -> Written:
    """Read ``{"of": ["LATIN"], "percent": 50}``, which needs ``of`` alone.

    :raises ValueError: it is something else; there is no such script.
    """
    members = members_of(value, ("of", "percent"))
    if "of" not in members:
        raise ValueError("'of' is missing: a list of scripts, such as LATIN")
    scripts = texts(members["of"], "of")
    for script in scripts:
        if script not in known_scripts():
            raise ValueError(
                f"of: there is no script {script!r:.60}{did_you_mean(script, known_scripts())}"
            )
    percent = whole_number("percent", 1, _PERCENT)(members.get("percent", _PERCENT // 2))
    return Written(frozenset(scripts), percent)


@cache
def known_scripts() -> frozenset[str]:
    """The scripts of all letters that Python's Unicode knows: takes some tenths of a second."""
    found = (script_of(chr(code)) for code in range(_MOST_CODE + 1))
    return frozenset(script for script in found if script)


def script_of(character: str) -> str:
    """The script of a letter: the word with which its name in Unicode begins, as the standard
    library knows no scripts; empty for what is no letter.
    """
    if not character.isalpha():
        return ""
    return unicodedata.name(character, "").partition(" ")[0].partition("-")[0]


_known_script_of: Final = lru_cache(maxsize=10_000)(script_of)


def in_other_scripts(event: FrozenEvent, _: Context, these: Written) -> str | None:
    """Say that too few letters are of these scripts. Where there are no letters, none are."""
    letters = of_these = 0
    for character, times in Counter(_prose(event.content)).items():
        if script := _known_script_of(character):
            letters += times
            of_these += times * (script in these.scripts)
    if of_these * _PERCENT >= letters * these.percent:
        return None
    return f"blocked: this relay takes what is written in {', '.join(sorted(these.scripts))}"


def _prose(content: str) -> str:
    """Content without addresses, which are Latin in every language; letters in a wide or bold
    form as plain ones.
    """
    words = (
        word for word in content.split() if "://" not in word and not word.startswith("nostr:")
    )
    return unicodedata.normalize("NFKC", "".join(words))


def in_words(value: Any) -> str:
    """The value for a summary."""
    return f"at least {value.get('percent', _PERCENT // 2)} % in {', '.join(value['of'])}"


@hookimpl
def criteria() -> Collection[Criterion]:
    """Add ``x_scripts`` to rules."""
    return [
        Criterion(
            name="x_scripts",
            unit="scripts",
            says=in_words,
            read=written,
            shape=object_shape(
                {"of": texts_shape(), "percent": number_shape(1, _PERCENT)}, required=["of"]
            ),
            refuses=in_other_scripts,
        )
    ]
