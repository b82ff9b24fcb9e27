"""When a REQ is answered CLOSED because its reader can be given nothing (NIP-42). Pure."""

from collections.abc import Iterable, Sequence

from orly_policy_hookspecs import Context
from orly_policy_hookspecs.nip01 import Filter
from orly_policy_hookspecs.reading import ReadScopes


def why_closed(filters: Sequence[Filter], scopes: ReadScopes, context: Context) -> str | None:
    """Why a REQ is not served, as a CLOSED message, or ``None``.

    It is where every filter names kinds, the reader can be given none of them whatever is stored,
    and it is told what would help: to authenticate, or to be somebody else.

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
