"""A plugin that raises where an event's content says so, for relays that can be given one.

Its entry point, in the group ``orly_policy``, is ``orly_policy_plugin.hosts.kit.raising``;
:func:`install_raising_plugin` leaves it in a folder for the relay's ``PYTHONPATH``.
"""

from pathlib import Path
from typing import Final

from orly_policy_hookspecs import Decision, Event, hookimpl

ON_WRITE: Final = "the plugin raises on a write"
ON_READ: Final = "the plugin raises on a read"
DETAIL: Final = "a detail for nobody"


class FaultyPlugin(Exception):
    """What the plugin raises."""


@hookimpl
def on_write(event: Event) -> Decision | None:
    """Raise where the content is :data:`ON_WRITE`."""
    if event.content == ON_WRITE:
        raise FaultyPlugin(DETAIL)
    return None


@hookimpl
def on_read(event: Event) -> Decision | None:
    """Raise where the content is :data:`ON_READ`."""
    if event.content == ON_READ:
        raise FaultyPlugin(DETAIL)
    return None


def install_raising_plugin(folder: Path) -> Path:
    """Leave in a folder what installing a distribution with the plugin would.

    :return: the folder; with it on its ``PYTHONPATH`` a relay finds the plugin.
    """
    info = folder / "host_kit_raising-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: host-kit-raising\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[orly_policy]\nhost-kit-raising = {__name__}\n")
    return folder
