"""nostr-relay's ``logging``, such that what the policy has to say is seen, whatever the YAML file
says of others. Pure.
"""

from collections.abc import Mapping
from typing import Any, Final

OURS: Final = ("orly_policy_plugin", "orly_policy_hookspecs")
"""The loggers that are ours, with all below them."""

_HANDLER: Final = "orly-policy"
_FORMATTER: Final = {"format": "%(asctime)s - %(name)s - %(levelname)s - %(message)s"}


def seen(logging: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration (:func:`logging.config.dictConfig`) under which our loggers are heard.

    It switches no existing logger off, as that would be ours. What it says of our loggers counts.
    Where it says nothing, they tell from ``INFO`` on, which is a line for each change of the
    policy, through the root logger's handlers; or where it has none, to standard error.
    """
    loggers = dict(logging.get("loggers") or {})
    handlers = dict(logging.get("handlers") or {})
    formatters = dict(logging.get("formatters") or {})
    roots = (logging.get("root"), loggers.get(""))
    has_handlers = any(root and root.get("handlers") for root in roots)
    for name in OURS:
        if any(named == name or named.startswith(f"{name}.") for named in loggers):
            continue
        loggers[name] = {"level": "INFO"}
        if not has_handlers:
            loggers[name] |= {"handlers": [_HANDLER], "propagate": False}
            handlers[_HANDLER] = {"class": "logging.StreamHandler", "formatter": _HANDLER}
            formatters[_HANDLER] = _FORMATTER
    return {
        **logging,
        "disable_existing_loggers": False,
        "loggers": loggers,
        "handlers": handlers,
        "formatters": formatters,
    }
