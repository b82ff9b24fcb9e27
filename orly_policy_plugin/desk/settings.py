"""The settings of what the operator is told."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Literal, Self

import attrs

from ..errors import PolicyError
from .erasing import read_pointer

LoggedDecisions = Literal["refusals", "all"]
_LOGGED: Final[tuple[LoggedDecisions, ...]] = ("refusals", "all")

MOST_A_SECOND: Final = 1_000


def _pointers(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(read_pointer, given))


@attrs.frozen(kw_only=True)
class DeskSettings:
    """What a worker counts, answers to ``orly-policy status`` and ``tail``, and writes down."""

    is_open: bool = True
    """Whether decisions are counted, and a worker can be asked."""
    log: Path | None = None
    """The file of the decision log; no log where ``None``."""
    log_decisions: LoggedDecisions = attrs.field(
        default="refusals", validator=attrs.validators.in_(_LOGGED)
    )
    """The decisions that it has."""
    log_erases: tuple[str, ...] = attrs.field(default=(), converter=_pointers)
    """JSON pointers to what is left out of each entry, such as ``/input/event/content``."""
    log_most_a_second: int = attrs.field(default=MOST_A_SECOND, validator=attrs.validators.gt(0))
    """Of a worker; more are dropped, and counted."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read ``ORLY_POLICY_STATUS``, ``ORLY_POLICY_DECISION_LOG``,
        ``ORLY_POLICY_DECISION_LOG_OF`` and ``ORLY_POLICY_DECISION_LOG_ERASE``.

        :raises PolicyError: a variable's value cannot be used; the message says which and why.
        """
        log = environment.get("ORLY_POLICY_DECISION_LOG", "").strip()
        return cls(
            is_open=_on_or_off(environment.get("ORLY_POLICY_STATUS", "")),
            log=Path(log) if log else None,
            log_decisions=_logged(environment.get("ORLY_POLICY_DECISION_LOG_OF", "")),
            log_erases=_erased(environment.get("ORLY_POLICY_DECISION_LOG_ERASE", "")),
        )


def _on_or_off(text: str) -> bool:
    match text.strip().lower():
        case "" | "on":
            return True
        case "off":
            return False
    raise PolicyError(f"ORLY_POLICY_STATUS: {text!r:.80} is neither on nor off")


def _logged(text: str) -> LoggedDecisions:
    word = text.strip().lower() or "refusals"
    for each in _LOGGED:
        if word == each:
            return each
    raise PolicyError(f"ORLY_POLICY_DECISION_LOG_OF: {text!r:.80} is neither refusals nor all")


def _erased(text: str) -> tuple[str, ...]:
    try:
        return _pointers(word for each in text.split(",") if (word := each.strip()))
    except PolicyError as error:
        raise PolicyError(f"ORLY_POLICY_DECISION_LOG_ERASE: {error}") from error
