"""Asks a service about every author: ``{"plugins": {"lookup": {"url": "https://…/{}"}}}``."""

import asyncio
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping

from orly_policy_hookspecs import Decision, Event, InvalidSettings, hookimpl


class Lookup:
    url = ""

    @hookimpl
    def configure(self, settings: Mapping[str, object]) -> Callable[[], None]:
        url = settings.get("url")
        if not isinstance(url, str) or "{}" not in url or not url.startswith(("http:", "https:")):
            raise InvalidSettings({"url": f"expected a URL with {{}} for the key, found {url!r}"})
        return lambda: setattr(self, "url", url)

    @hookimpl
    async def on_write(self, event: Event) -> Decision | None:
        known = await asyncio.to_thread(knows, self.url.replace("{}", event.pubkey))
        return None if known else Decision.reject("restricted: not known here")


def knows(url: str) -> bool:  # what it raises refuses the event, with error:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310  its scheme has been checked
            return True
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 404:
                return False
        raise


lookup = Lookup()
