"""Proof of work (NIP-13): a rule's ``"x_pow": 20`` wants 20 bits of it."""

from collections.abc import Collection

from orly_policy_hookspecs import Context, Criterion, Event, hookimpl


def number_of_bits(value: object) -> int:
    if type(value) is not int or not 1 <= value <= 256:
        raise ValueError(f"expected a number of bits, 1 to 256, found {value!r}")
    return value


def too_little(event: Event, _: Context, bits: int) -> str | None:
    done = 256 - int(event.id, 16).bit_length()
    if done < bits:
        return f"pow: {done} bits, {bits} are needed"
    # Who aims at less and is lucky now and then could send much with little work.
    aim = next((tag[2] for tag in event.tags if len(tag) > 2 and tag[0] == "nonce"), "none")
    if aim not in map(str, range(bits, 257)):
        return f"pow: the nonce tag has to aim at {bits} bits"
    return None


POW = Criterion(
    name="x_pow",
    unit="bits",
    says="{} bits of proof of work",
    read=number_of_bits,
    refuses=too_little,
)


@hookimpl
def criteria() -> Collection[Criterion]:
    return [POW]
