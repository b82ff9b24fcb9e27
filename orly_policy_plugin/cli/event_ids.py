"""Event ids as they are typed: the first digits are enough."""

from collections.abc import Iterable
from typing import Final

from orly_policy_plugin.counted import listed

from .showing import UnusableInput

_MOST_NAMED: Final = 5


def meant_event(given: str, known: Iterable[str]) -> str:
    """The one contribution whose event id begins with what was given.

    :param known: event ids, 64 lowercase hex characters each.
    :raises UnusableInput: there is none, or there are several; the message names them.
    """
    prefix, ids = given.lower().removesuffix("…"), dict.fromkeys(known)
    matching = [event_id for event_id in ids if prefix and event_id.startswith(prefix)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise UnusableInput(
            [f"{given!r} may mean {listed(matching, _MOST_NAMED)}; give more digits"]
        )
    there_are = f"there are {listed(list(ids), _MOST_NAMED)}" if ids else "none is kept here"
    raise UnusableInput([f"no contribution's event id begins with {given!r}; {there_are}"])
