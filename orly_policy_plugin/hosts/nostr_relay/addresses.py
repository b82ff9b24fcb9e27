"""Find ``a`` tags that name an address, however they write it. Pure."""

from collections.abc import Iterator

from orly_policy_hookspecs.nip01 import Address, KindClass, class_of

_MOST_DIGITS = 5
"""Of a kind, leading zeros counted."""


def could_name(address: Address) -> Iterator[tuple[str, str]]:
    """Ranges of text, lowest and highest, in the order of UTF-8, in which every value lies that
    names an address. Not all in them do: see :func:`named_by`.
    """
    if class_of(address.kind) is KindClass.ADDRESSABLE:
        yield str(address), str(address)
        return
    for digits in range(len(str(address.kind)), _MOST_DIGITS + 1):
        stem = f"{address.kind:0{digits}}:{address.pubkey}"
        yield stem, f"{stem};"  # the semicolon comes after the colon


def named_by(value: str, address: Address) -> bool:
    """Whether the value of an ``a`` tag names an address."""
    return Address.parse(value) == address
