"""The address of a database, which has a password that no message repeats."""

from typing import Final, Self
from urllib.parse import parse_qsl, quote, urlsplit

import attrs

from ..errors import PolicyError

SCHEMES: Final = ("postgresql", "postgres")
DEFAULT_FLEET: Final = "relay"
"""The fleet of a database that has but one."""
_NO_URL: Final = "what is no URL"
_LONGEST_FLEET: Final = 100
_SHOWN_OPTIONS: Final = frozenset({"host", "port", "user", "dbname", "sslmode", "service"})


def shown_url(url: str) -> str:
    """A URL as messages have it: without a password, and of its options those that hold none."""
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query)
    except ValueError:
        return _NO_URL
    if not parts.netloc and not url.startswith(f"{parts.scheme}:///"):
        return _NO_URL
    where = parts.netloc.rpartition("@")[2]
    user = parts.netloc.rpartition("@")[0].partition(":")[0]
    at = f"{user}@{where}" if user else where
    shown = "&".join(
        f"{name}={quote(value, safe='/')}" for name, value in options if name in _SHOWN_OPTIONS
    )
    return f"{parts.scheme}://{at}{parts.path}{'?' if shown else ''}{shown}"


def _password_ends_in(netloc: str, url: str) -> bool:
    """Whether the part before the path has all of a password: libpq reads one as far as to the
    next @, where Python ends the part at a ? or #, and messages would have a piece of it.
    """
    before_path = url.partition("://")[2].partition("/")[0]
    return "@" not in before_path.removeprefix(netloc)


@attrs.frozen
class Address:
    """A fleet in a database."""

    url: str = attrs.field(repr=shown_url)
    """A libpq URL, ``postgresql://…``."""
    fleet: str = DEFAULT_FLEET
    """The name that the relays of one fleet share: several fleets may share a database."""

    @classmethod
    def parse(cls, url: str, fleet: str = DEFAULT_FLEET) -> Self:
        """Check a URL and a fleet's name.

        :raises PolicyError: one of them cannot be used. What was given for a URL is not repeated.
        """
        try:
            parts = urlsplit(url)
            usable = (
                parts.scheme in SCHEMES
                and parts.netloc.count("@") < 2  # libpq would take the rest for the host
                and _password_ends_in(parts.netloc, url)
                and (parts.port or True)
            )
        except ValueError:  # the port is no number; the text may be a password's
            usable = False
        if not usable:
            raise PolicyError(
                "the store is no URL such as postgresql://USER:PASSWORD@HOST:5432/DATABASE; "
                "in a user's name or a password @, :, /, ?, # and % are written as %40, %3A, %2F, "
                "%3F, %23, %25"
            )
        if not fleet or len(fleet) > _LONGEST_FLEET or not fleet.isprintable():
            raise PolicyError(
                f"{fleet[:_LONGEST_FLEET]!r} is no name of a fleet: "
                f"1 to {_LONGEST_FLEET} printable characters"
            )
        return cls(url, fleet)

    def __str__(self) -> str:
        return f"{shown_url(self.url)} (fleet {self.fleet})"
