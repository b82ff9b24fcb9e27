"""A decision: the answer of a plugin, and that of the gate."""

import enum
from collections.abc import Awaitable
from typing import Final, Literal, Self, TypeAlias

import attrs

from .printing import printable

PREFIXES = (
    "auth-required:",
    "blocked:",
    "duplicate:",
    "error:",
    "invalid:",
    "mute:",
    "pow:",
    "rate-limited:",
    "restricted:",
)
"""The machine-readable prefixes of NIP-01 and NIP-42, one of which starts every rejection."""


MOST_CHARACTERS: Final = 32_000
"""Of a message, which may list what is wrong with a policy; the rest is cut off."""


class Verdict(enum.Enum):
    """The five kinds of answer, strongest first: a stronger one wins over all weaker ones."""

    REJECT = "reject"
    """A firm no."""
    SHADOW_REJECT = "shadow reject"
    """A no of which the client is not told: it sees OK, nothing is stored or sent on."""
    VOUCH = "vouch"
    """A firm yes. It beats a fallback and nothing else, and counts only from the plugins that
    the host lists; from any other it is an accept."""
    FALLBACK = "fallback"
    """A no for want of anything better, such as ``default_policy: deny``."""
    ACCEPT = "accept"
    """No objection."""


@attrs.frozen(init=False)
class Decision:
    """An answer to one question. Immutable, so that common answers can be constants."""

    verdict: Verdict
    message: str = ""
    """For the client, one line of printable characters (:func:`.printing.printable`). A rejection
    starts with one of :data:`PREFIXES`."""
    source: str = ""
    """The name of the plugin that answered. The gate sets it; what a plugin writes here does
    not count."""
    place: str = attrs.field(default="", eq=False, repr=False)
    """The place in the plugin's policy that has decided, for operators, such as
    ``rules.1.size_limit``. Two decisions of which a client is told the same are equal, wherever
    they come from."""
    _copy: "Decision | None" = attrs.field(default=None, init=False, eq=False, repr=False)
    """A copy with the name of the plugin that gave this decision last."""

    def __init__(
        self, verdict: Verdict, message: str = "", source: str = "", place: str = ""
    ) -> None:
        if not (type(verdict) is Verdict and isinstance(message, str) and isinstance(place, str)):
            raise TypeError(f"a decision is a Verdict and a text, not {verdict!r}, {message!r}")
        source = str.__str__(source)  # a subclass may claim to equal any plugin's name
        message = printable(str.__getitem__(message, slice(MOST_CHARACTERS + 1)))
        if verdict in _REJECTIONS and not message.startswith(PREFIXES):
            message = f"blocked: {message}" if message else "blocked: not accepted"
        if len(message) > MOST_CHARACTERS:
            message = f"{message[: MOST_CHARACTERS - 1]}…"
        self.__attrs_init__(verdict, message, source, place)

    @classmethod
    def accept(cls, message: str = "") -> Self:
        """No objection; the message, if any, goes to the client."""
        return cls(Verdict.ACCEPT, message)

    @classmethod
    def reject(cls, message: str, place: str = "") -> Self:
        """A firm no. A message without a known prefix gets ``blocked:``."""
        return cls(Verdict.REJECT, message, place=place)

    @classmethod
    def fallback(cls, message: str, place: str = "") -> Self:
        """A no that a plugin's vouch may overrule."""
        return cls(Verdict.FALLBACK, message, place=place)

    @classmethod
    def shadow_reject(cls, place: str = "") -> Self:
        """A no of which the client is not told."""
        return cls(Verdict.SHADOW_REJECT, place=place)

    @classmethod
    def vouch(cls) -> Self:
        """A firm yes: see :attr:`Verdict.VOUCH`."""
        return cls(Verdict.VOUCH)

    @property
    def accepted(self) -> bool:
        """Whether the event may be stored (on a write) or handed out (on a read)."""
        return self.verdict is _ACCEPT or self.verdict is _VOUCH

    @property
    def shadowed(self) -> bool:
        """Whether the client is to be told OK although nothing is stored."""
        return self.verdict is Verdict.SHADOW_REJECT

    def attributed(self, source: str) -> "Decision":
        """The same answer with its plugin's name. An answer that is a constant is copied once."""
        copy = self._copy
        # Nearly always, so it comes first. Of exactly these types, whose methods are our own.
        if type(copy) is Decision and copy.source is source:
            return copy
        if type(self.source) is str and self.source == source:
            return self
        copy = Decision(self.verdict, self.message, source, self.place)
        object.__setattr__(self, "_copy", copy)
        return copy


Asked: TypeAlias = Literal["write", "read", "policy_event"]
"""What plugins are asked of an event: may it be stored, may it be handed out, does it change the
policy?"""

Answer: TypeAlias = Decision | Awaitable[Decision | None] | None
"""What a hook that decides may return: a decision, an awaitable of one, or ``None`` to abstain."""

_REJECTIONS = frozenset({Verdict.REJECT, Verdict.FALLBACK})
_ACCEPT: Final = Verdict.ACCEPT  # an enumeration's attribute is slow to look up
_VOUCH: Final = Verdict.VOUCH
