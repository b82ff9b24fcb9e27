"""Logs that no event, policy or script can forge a line of, and no plugin can make fail."""

import logging
import traceback

from .printing import printable

_INDENT = "  | "
_TRACEBACK = "Traceback (most recent call last):"
_MADE_HARMLESS = "orly_policy_is_harmless"
_READ_IN_PARTS = "uvicorn.access"
"""The logger whose formatter reads arguments, a client's address and what it asked for, itself."""
_MOST_CHARACTERS = 2_000
"""Of a message, or of a line of a traceback."""


class Harmless(logging.Filter):
    """Makes a record's text one line of printable characters, before any handler sees it.

    A traceback keeps its lines, each indented, so that none looks like a record of its own.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record, and keep it."""
        if getattr(record, _MADE_HARMLESS, False):
            return True
        setattr(record, _MADE_HARMLESS, True)
        if record.name == _READ_IN_PARTS and isinstance(record.args, tuple):
            record.args = tuple(
                _shown(each) if type(each) is str else each for each in record.args
            )
            return True
        message = _message(record)
        is_traceback = message.startswith(_TRACEBACK)  # as servers log why they do not start
        record.msg, record.args = _lines(message) if is_traceback else _shown(message), ()
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = _INDENT + _lines(_traceback(record.exc_info[1]))
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


def make_handlers_harmless() -> None:
    """Put :class:`Harmless` before every handler that there is by now, of whichever logger: for a
    program in which others log, too.
    """
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        if not any(isinstance(each, Harmless) for each in handler.filters):
            handler.addFilter(Harmless())


def _message(record: logging.LogRecord) -> str:
    """The text of a record. A plugin's answer, or an exception, may fail when it is made one."""
    try:
        return record.getMessage()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 -- whatever it is, the rest is to be logged
        return f"{record.msg} (and what belongs here cannot be shown: {_name(error)})"


def _traceback(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except KeyboardInterrupt:
        raise
    except BaseException as failure:  # noqa: BLE001 -- an exception's own text may raise
        return f"{_name(error)}, whose text cannot be shown: {_name(failure)}"


def _lines(text: str) -> str:
    """A text of several lines, of which none looks like a record of its own."""
    return f"\n{_INDENT}".join(_shown(line) for line in text.splitlines())


def _shown(text: str) -> str:
    """As much of a text as belongs into one line: what strangers write may be megabytes."""
    if (more := len(text) - _MOST_CHARACTERS) <= 0:
        return printable(text)
    half = _MOST_CHARACTERS // 2
    return f"{printable(text[:half])}… ({more} more) …{printable(text[-half:])}"


def _name(error: BaseException) -> str:
    """The name of a value's class, taken without calling anything of that class."""
    return str(type.__dict__["__name__"].__get__(type(error)))
