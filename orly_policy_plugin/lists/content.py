"""The content of a list's file, in whichever form it is. Pure."""

from ..policy import InvalidPolicy, ListSource, Problem
from .members import read_lines
from .nostr_json import read_nostr_json


def keys_in(source: ListSource, content: bytes) -> frozenset[str]:
    """The keys of a list.

    :raises InvalidPolicy: it is none; each message has the file and the place in it. An empty
        content is none, either: it may be a save that has gone wrong, and would let in or keep
        out nobody any more.
    """
    is_json = source.nostr_json is not None
    if not content or content.isspace():
        nobody = '{"names": {}}' if is_json else "# nobody"
        raise InvalidPolicy([Problem("", f"{source.path} is empty; for nobody write {nobody!r}")])
    try:
        return read_nostr_json(content) if is_json else read_lines(content)
    except InvalidPolicy as error:
        colon = ": " if is_json else ":"
        raise InvalidPolicy(
            Problem("", f"{source.path}{colon}{problem}") for problem in error.problems
        ) from error
