"""Close a REQ whose reader can be given nothing (NIP-42). Pure."""

from collections.abc import Iterable, Sequence

from orly_policy_hookspecs import Context
from orly_policy_hookspecs.nip01 import Filter
from orly_policy_hookspecs.reading import ReadScopes


def why_closed(filters: Sequence[Filter], scopes: ReadScopes, context: Context) -> str | None:
    """Why a REQ is not served, for a CLOSED message; ``None``: it is served.

    It is not where every filter names kinds, the reader can be given none of these, whatever is
    stored, and something would help. The message says what: to authenticate, or to be somebody
    else.

    :param scopes: the reader's.
    """
    helpful = "restricted:" if context.authenticated else "auth-required:"
    denials = []
    for wanted in filters:
        if not wanted.kinds:
            return None
        for kind in wanted.kinds:
            denial = scopes.of_kind(kind).denial
            if denial is None:
                return None
            denials.append(denial.message)
    return _first(sorted(denials), helpful)


def _first(messages: Iterable[str], prefix: str) -> str | None:
    return next((message for message in messages if message.startswith(prefix)), None)
