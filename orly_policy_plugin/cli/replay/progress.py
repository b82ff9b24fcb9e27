"""How far a long command is, on a terminal: on standard error, so that output is clean."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from orly_policy_plugin.cli.inputs import is_standard_input


def size_of(paths: Iterable[Path]) -> int | None:
    """The bytes of some files; ``None`` where one is zipped, or has no size."""
    total = 0
    for path in paths:
        if is_standard_input(path) or not path.is_file() or path.suffix == ".gz":
            return None
        total += path.stat().st_size
    return total


@contextmanager
def progress(total: int | None) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """Show a bar while the body runs; nothing where standard error is no terminal.

    :param total: bytes to read; ``None`` where that is not known.
    :return: what is told of bytes that were read, and of how many events there were.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.fields[events]:,} events"),
        BarColumn(),
        *((TaskProgressColumn(), TimeRemainingColumn()) if total else ()),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as shown:
        task = shown.add_task("", total=total, events=0)
        yield (
            lambda read: shown.advance(task, read),
            lambda events: shown.update(task, events=events),
        )
