"""Counts in messages. Pure."""


def counted(count: int, noun: str) -> str:
    """The count and its noun, in the plural unless the count is 1: ``1 event``, ``2 events``.

    :param noun: in the singular; its plural ends in ``s``.
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
