"""nostr-sdk's relay, which is written in Rust, as a process: it prints its URL."""

import asyncio
import sys

import nostr_sdk


async def main() -> None:
    unlimited = nostr_sdk.RateLimit(max_reqs=10_000, notes_per_minute=1_000_000)
    relay = nostr_sdk.LocalRelayBuilder().rate_limit(unlimited).build()
    await relay.run()
    sys.stdout.write(f"{await relay.url()} Ctrl-C stops\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


asyncio.run(main())
