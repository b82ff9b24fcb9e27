"""Examples at the end of a command's help, with lines that are not wrapped."""


def examples(*lines: str, about: str = "") -> str:
    """The end of a help.

    :param lines: what to type.
    :param about: what stands before them.
    """
    listed = "\n".join(f"  {line}" for line in lines)
    return f"{about}\n\n\b\nExamples:\n{listed}\n"
