"""The command ``relay-members``: what the cashier does."""

import argparse
import re
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from .register import TABLE

DAY_SECONDS = 86_400
ADD = """
    INSERT INTO members VALUES (:pubkey, :now + :seconds)
    ON CONFLICT DO UPDATE SET paid_until = max(paid_until, :now) + :seconds
"""


def pubkey(text: str) -> str:
    """Read a key.

    :raises argparse.ArgumentTypeError: it is none.
    """
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not 64 lowercase hex characters")
    return text


def days(text: str) -> int:
    """Read a number of days.

    :raises argparse.ArgumentTypeError: it is none.
    """
    if not re.fullmatch("[1-9][0-9]{0,4}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days, 1 to 99999")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> None:
    """``relay-members members.sqlite add 3bf0… 31``, or ``remove 3bf0…``."""
    parser = argparse.ArgumentParser(prog="relay-members", description="Keep a relay's members.")
    parser.add_argument("file", type=Path, help="the register; made where it is not there")
    doing = parser.add_subparsers(dest="what", required=True)
    adding = doing.add_parser("add", help="a member has paid; these days are added to any left")
    adding.add_argument("pubkey", type=pubkey, help="64 lowercase hex characters")
    adding.add_argument("days", type=days)
    doing.add_parser("remove", help="forget a member").add_argument("pubkey", type=pubkey)
    told = parser.parse_args(arguments)
    try:
        with closing(sqlite3.connect(told.file)) as register, register:
            register.execute(TABLE)
            if told.what == "add":
                seconds = told.days * DAY_SECONDS
                row = {"pubkey": told.pubkey, "now": int(time.time()), "seconds": seconds}
                register.execute(ADD, row)
            else:
                register.execute("DELETE FROM members WHERE pubkey = ?", (told.pubkey,))
    except sqlite3.Error as error:
        sys.exit(f"{told.file}: {error}")
