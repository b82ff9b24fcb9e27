"""A stream of bytes cut into lines, none longer than an answer may be. Pure."""

from .protocol import LONGEST_LINE_BYTES


class Lines:
    """Cuts a stream into lines, and keeps no more of one than an answer may have."""

    def __init__(self) -> None:
        self._begun = bytearray()
        self._skips = False

    @property
    def begun(self) -> bytes:
        """What has come since the last end of a line; nothing of a line that is too long."""
        return bytes(self._begun)

    def cut(self, data: bytes) -> list[bytes | None]:
        """The lines that are complete now, without their ends.

        :return: ``None`` stands for a line that is too long, as soon as that is known.
        """
        *complete, rest = data.split(b"\n")
        if complete:
            complete[0] = bytes(self._begun) + complete[0]
            self._begun.clear()
            if self._skips:
                del complete[0]
                self._skips = False
        lines = [line if len(line) <= LONGEST_LINE_BYTES else None for line in complete]
        if not self._skips:
            self._begun += rest
            if len(self._begun) > LONGEST_LINE_BYTES:
                self._begun.clear()
                self._skips = True
                lines.append(None)
        return lines
