"""Logs that no event, policy or script can forge a line of."""

import logging
import traceback

from .printing import printable

_INDENT = "  | "


class Harmless(logging.Filter):
    """Makes a record's text one line of printable characters, before any handler sees it.

    A traceback keeps its lines, each indented, so that none looks like a record of its own.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; it is never left out."""
        record.msg, record.args = printable(_message(record)), ()
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = _traceback(record.exc_info[1])
            record.exc_info = None
        return True


def get_log(name: str) -> logging.Logger:
    """The logger of a module, with :class:`Harmless` before its handlers. To be used wherever
    something is logged.
    """
    log = logging.getLogger(name)
    if not any(isinstance(each, Harmless) for each in log.filters):
        log.addFilter(Harmless())
    return log


def _message(record: logging.LogRecord) -> str:
    """A plugin's answer, or an exception, may fail when it is made a text."""
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 -- whatever it is, the rest is to be logged
        return f"{record.msg} (and what belongs here cannot be shown: {type(error).__name__})"


def _traceback(error: BaseException) -> str:
    try:
        lines = "".join(traceback.format_exception(error)).splitlines()
    except Exception as failure:  # noqa: BLE001 -- an exception's own text may raise
        lines = [f"{type(error).__name__}, whose text cannot be shown: {type(failure).__name__}"]
    return "\n".join(_INDENT + printable(line) for line in lines)
