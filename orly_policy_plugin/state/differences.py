"""What an admin's full policy came to when it was applied: its difference to the owner's policy.

It is kept beside the signed event, as ``.<event id>.difference``, and without it the event counts
for nothing: compared anew with a later policy of the owner it could bring back what the owner has
taken away.
"""

import json
from pathlib import Path
from typing import Any

import attrs

from ..authority.contributions import Contribution, read_contribution, unstructure_contribution
from ..errors import UnreadableFile
from ..policy import InvalidPolicy, Problem
from ..policy.strict_json import decode_json
from .atomic import make_folder, write_atomically
from .signed_events import MOST_BYTES
from .state_files import read_state_file


def write_difference(folder: Path, contribution: Contribution) -> None:
    """Keep it; before the event itself, which then counts.

    :raises UnwritableFile: it is not kept.
    """
    make_folder(folder)
    content = json.dumps(unstructure_contribution(contribution), separators=(",", ":"))
    write_atomically(folder / _name(contribution.event_id), content.encode() + b"\n")


def read_difference(folder: Path, event: Any) -> Contribution:
    """What an admin's full policy came to.

    :param event: the signed event, verified.
    :raises InvalidPolicy: it is not kept, or cannot be read.
    """
    try:
        content = read_state_file(folder / _name(event.id), most_bytes=MOST_BYTES)
        value = decode_json(content)
    except FileNotFoundError:
        raise InvalidPolicy([Problem("", "its difference is not kept; send it again")]) from None
    except (UnreadableFile, ValueError) as error:
        raise InvalidPolicy([Problem("", f"its difference cannot be read: {error}")]) from error
    contribution = read_contribution(
        value, admin=event.pubkey, created_at=event.created_at, event_id=event.id
    )
    return attrs.evolve(contribution, is_full_policy=True)


def _name(event_id: str) -> str:
    return f".{event_id}.difference"
