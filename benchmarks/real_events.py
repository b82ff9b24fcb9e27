"""Real signed events where a folder has them, generated signed events where not."""

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from coincurve import PrivateKey

from . import ROOT
from .workloads import NOW, AnEvent

VARIABLE: Final = "ORLY_BENCHMARK_EVENTS"
_BESIDE: Final = ROOT.parent / "shared" / "data"


def folder_of_events(named: Path | None) -> Path | None:
    """Where the real events are: the folder named, the environment's, the one beside the
    project; ``None`` where there is none.
    """
    if named is not None:
        return named
    if set_to := os.environ.get(VARIABLE):
        return Path(set_to)
    return _BESIDE if _BESIDE.is_dir() else None


def events_to_read(folder: Path | None, count: int) -> tuple[list[AnEvent], str]:
    """So many events, and where they come from in words.

    :raises OSError: the folder cannot be read.
    """
    if folder is not None:
        found = list(_events_in(folder))
        if found:
            chosen = (found * -(-count // len(found)))[:count]
            return [_as_object(event) for event in chosen], f"real events of {folder}"
    return [_as_object(event) for event in signed_notes(count, "reader")], "generated events"


def _events_in(folder: Path) -> Iterator[dict[str, Any]]:
    """The events of all ``.jsonl`` and ``.jsonl.gz`` files."""
    for path in sorted(folder.iterdir()):
        if path.name.endswith(".jsonl.gz"):
            lines = gzip.decompress(path.read_bytes())
        elif path.suffix == ".jsonl":
            lines = path.read_bytes()
        else:
            continue
        yield from (json.loads(line) for line in lines.splitlines())


def _as_object(event: dict[str, Any]) -> AnEvent:
    return AnEvent(**event)


def signed_notes(count: int, series: str, created_at: int = NOW) -> list[dict[str, Any]]:
    """Signed notes and reactions by ten authors, other ones for every series."""
    secrets = [PrivateKey(hashlib.sha256(bytes([number])).digest()) for number in range(10)]
    return [
        signed(
            secrets[number % len(secrets)],
            created_at=created_at - number,
            kind=1 if number % 3 else 7,
            tags=[["e", hashlib.sha256(f"{series} {number}".encode()).hexdigest()]],
            content="What a fine day it is. " * (1 + number % 20) if number % 3 else "+",
        )
        for number in range(count)
    ]


def signed(secret: PrivateKey, **fields: Any) -> dict[str, Any]:
    """An event.

    :param fields: ``created_at``, ``kind``, ``tags``, ``content``, in this order.
    """
    pubkey = secret.public_key_xonly.format().hex()
    serialised = json.dumps(
        [0, pubkey, *(fields[name] for name in ("created_at", "kind", "tags", "content"))],
        ensure_ascii=False,
        separators=(",", ":"),
    )
    event_id = hashlib.sha256(serialised.encode()).digest()
    signature = secret.sign_schnorr(event_id).hex()
    return {"id": event_id.hex(), "pubkey": pubkey, **fields, "sig": signature}
