"""The engine's settings, and those of them that the environment has."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self

import attrs

from .asking import CRITERION_SECONDS
from .decisions.rates import TIME_CONSTANT_SECONDS
from .desk.settings import DeskSettings
from .errors import PolicyError
from .plugins import Missing
from .policy import InvalidPolicy, Problem, parse_pubkey
from .policy_file import MOST_POLICY_BYTES
from .rates import MOST_KEYS
from .scripts.running import TIMEOUT_SECONDS
from .state.address import DEFAULT_FLEET, shown_url

Submitter = Literal["authenticated", "author", "authenticated-or-author"]
SUBMITTERS: Final[tuple[Submitter, ...]] = ("authenticated", "author", "authenticated-or-author")

_TRUE = frozenset({"", "1", "t", "true", "yes", "on"})
_FALSE = frozenset({"0", "f", "false", "no", "off"})

_MOST_DIGITS = 18
"""Of a number of bytes; a longer one is a slip."""
_MOST_READ_AT_ONCE = 2**30
"""The most that ``ORLY_POLICY_MAX_BYTES`` comes to: Python sets aside the memory for a read before
it knows how much there is to read."""


@attrs.frozen(kw_only=True)
class Settings:
    """The engine's settings (section 10 of the spec)."""

    path: Path
    """The policy file."""
    owners: tuple[str, ...] = ()
    """Owners besides those that the policy names, 64 lowercase hex characters each."""
    enabled: bool = True
    """Whether the engine is to be registered at all."""
    largest_policy_bytes: int = attrs.field(
        default=MOST_POLICY_BYTES, validator=attrs.validators.gt(0)
    )
    """A larger policy file is refused: decisions wait while one is parsed."""
    state_folder: Path | None = None
    """The folder of contributions, follow lists and the history; the policy file's own where
    ``None``."""
    relay_urls: tuple[str, ...] = ()
    """This relay's URLs, which the ``relay`` tag of a policy event may name."""
    require_relay_tag: bool = False
    """Whether a policy event without a ``relay`` tag is refused."""
    missing_follow_lists: Literal["stop", "warn"] = "stop"
    """Whether the relay starts although a follow list that its policy needs is not known."""
    missing_plugins: Missing = attrs.field(
        default="stop", validator=attrs.validators.in_(("stop", "warn"))
    )
    """Whether a policy can be used that has settings for a plugin that is not installed."""
    submitter: Submitter = attrs.field(
        default="authenticated", validator=attrs.validators.in_(SUBMITTERS)
    )
    """Who counts as the submitter of a write: whoever authenticated (NIP-42); the event's author,
    whoever sends it; or the author where nobody authenticated. An author's signature can be sent
    by anybody, again and again. With ``author`` nobody counts as a reader, whoever
    authenticated."""
    script_timeout_seconds: float = attrs.field(
        default=TIMEOUT_SECONDS, validator=attrs.validators.gt(0)
    )
    """The seconds that a script may take for one event. Less than the gate's budget."""
    script_failure_write: Literal["default", "deny"] = attrs.field(
        default="default", validator=attrs.validators.in_(("default", "deny"))
    )
    """The effect of a script's failure on a write: ``default_policy``, or a denial whatever that
    says."""
    script_failure_read: Literal["default", "deny"] = attrs.field(
        default="deny", validator=attrs.validators.in_(("default", "deny"))
    )
    """The effect of a script's failure on a read."""
    script_environment: tuple[str, ...] = attrs.field(
        default=(),
        validator=attrs.validators.deep_iterable(
            attrs.validators.instance_of(str), attrs.validators.instance_of(tuple)
        ),
    )
    """Names of this process's variables that scripts find in their environment, besides ``PATH``,
    ``LANG`` and ``HOME``."""
    criterion_timeout_seconds: float = attrs.field(
        default=CRITERION_SECONDS, validator=attrs.validators.gt(0)
    )
    """The seconds that a criterion of a plugin may take for one event. Less than the gate's
    budget."""
    rate_seconds: float = attrs.field(
        default=TIME_CONSTANT_SECONDS, validator=attrs.validators.gt(0)
    )
    """The time constant of rate limits (section 6 of the spec)."""
    store: str | None = attrs.field(
        default=None, repr=lambda url: "None" if url is None else repr(shown_url(url))
    )
    """The database that keeps the policy of a fleet, a URL such as
    ``postgresql://USER:PASSWORD@HOST:5432/DATABASE``; the files beside the policy file where
    ``None``."""
    fleet: str = DEFAULT_FLEET
    """The name of the fleet in that database: several may share one."""
    store_is_trusted: bool = True
    """Whether a policy that the database holds counts where no owner has signed it, as one that
    ``orly-policy publish`` or another node's file has put there."""
    rate_keys: int = attrs.field(default=MOST_KEYS, validator=attrs.validators.gt(0))
    """Averages to keep for rate limits, one a rule and submitter."""
    rates: Literal["shared", "local"] = attrs.field(
        default="shared", validator=attrs.validators.in_(("shared", "local"))
    )
    """Whether rate limits hold for a fleet that shares a store, or for each node by itself."""
    desk: DeskSettings = attrs.field(factory=DeskSettings)
    """What is told to the operator."""

    @classmethod
    def from_environment(
        cls,
        path: Path | str | None = None,
        environment: Mapping[str, str] = os.environ,
        **others: Any,
    ) -> Self:
        """Read ``ORLY_POLICY_PATH``, ``ORLY_OWNERS``, ``ORLY_POLICY_ENABLED``,
        ``ORLY_POLICY_MAX_BYTES``, ``ORLY_POLICY_MISSING_PLUGINS``, ``ORLY_POLICY_STORE``,
        ``ORLY_POLICY_FLEET`` and ``ORLY_POLICY_STORE_IS_TRUSTED``, and those of
        :meth:`.DeskSettings.from_environment`.

        :param path: the policy file, where the host names one; then ``ORLY_POLICY_PATH`` is not
            looked at.
        :param others: settings that no variable has, or that are to count in its place.
        :raises PolicyError: a variable's value cannot be used; the message says which and why.
        """
        others.setdefault(
            "largest_policy_bytes", _bytes(environment.get("ORLY_POLICY_MAX_BYTES", ""))
        )
        others.setdefault(
            "missing_plugins", _missing_plugins(environment.get("ORLY_POLICY_MISSING_PLUGINS", ""))
        )
        others.setdefault("store", environment.get("ORLY_POLICY_STORE") or None)
        others.setdefault("fleet", environment.get("ORLY_POLICY_FLEET") or DEFAULT_FLEET)
        others.setdefault("store_is_trusted", _switch("ORLY_POLICY_STORE_IS_TRUSTED", environment))
        others.setdefault("desk", DeskSettings.from_environment(environment))
        return cls(
            path=_default_path(environment) if path is None else Path(path),
            owners=_owners(environment.get("ORLY_OWNERS", "")),
            enabled=_switch("ORLY_POLICY_ENABLED", environment),
            **others,
        )


def _default_path(environment: Mapping[str, str]) -> Path:
    if named := environment.get("ORLY_POLICY_PATH"):
        if not Path(named).is_absolute():
            raise PolicyError(f"ORLY_POLICY_PATH: {named!r} is not an absolute path")
        return Path(named)
    config = environment.get("XDG_CONFIG_HOME")
    folder = Path(config) if config else Path.home() / ".config"
    return folder / "ORLY" / "policy.json"


def _owners(text: str) -> tuple[str, ...]:
    keys = []
    problems = []
    for i, word in enumerate(word.strip() for word in text.split(",")):
        try:
            if word:
                keys.append(parse_pubkey(word))
        except ValueError as error:
            problems.append(Problem(f"ORLY_OWNERS[{i}]", str(error)))
    if problems:
        raise InvalidPolicy(problems)
    return tuple(keys)


def _bytes(text: str) -> int:
    digits = text.strip()
    if not digits:
        return MOST_POLICY_BYTES
    is_number = len(digits) <= _MOST_DIGITS and digits.isascii() and digits.isdecimal()
    if not (is_number and int(digits)):
        raise PolicyError(f"ORLY_POLICY_MAX_BYTES: {text!r:.60} is no number of bytes")
    return min(int(digits), _MOST_READ_AT_ONCE)


def _missing_plugins(text: str) -> Missing:
    match text.strip().lower():
        case "" | "stop":
            return "stop"
        case "warn":
            return "warn"
    raise PolicyError(f"ORLY_POLICY_MISSING_PLUGINS: {text!r} is neither stop nor warn")


def _switch(name: str, environment: Mapping[str, str]) -> bool:
    """Whether a variable says yes, as it does where it is not set."""
    text = environment.get(name, "")
    word = text.strip().lower()
    if word in _FALSE:
        return False
    if word in _TRUE:
        return True
    raise PolicyError(f"{name}: {text!r} is neither true nor false")
