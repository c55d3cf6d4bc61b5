"""What holds in the simulated EC2 after every sequence of calls, whether they were accepted or refused."""

from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network

from hypothesis import given, settings
from hypothesis import strategies as st

from addons.sim.aws.ec2.errors import Ec2Error
from addons.sim.aws.ec2.instance_types import limits_of
from addons.sim.aws.ec2.interfaces import Wish
from addons.sim.aws.ec2.model import Change, Interface
from addons.sim.aws.ec2.state import Ec2

Step = Callable[[Ec2], None]

SUBNET = IPv4Network("10.0.0.0/26")
ADDRESSES = st.integers(-2, 65).map(lambda number: IPv4Address(int(SUBNET.network_address) + number))
BLOCKS = st.integers(0, 3).map(lambda number: IPv4Network((int(SUBNET.network_address) + 16 * number, 28)))
WISHES = st.one_of(
    st.builds(Wish, count=st.integers(0, 12)),
    st.builds(Wish, prefix_count=st.integers(1, 3)),
    st.builds(Wish, addresses=st.lists(ADDRESSES, min_size=1, max_size=3).map(tuple)),
    st.builds(Wish, prefixes=st.lists(BLOCKS, min_size=1, max_size=2).map(tuple)),
)
WHICH = st.integers(0, 7)


def pick(ec2: Ec2, number: int) -> Interface:
    """Give some interface, a made-up one when there is none."""
    there = ec2.interfaces.all()
    if not there:
        raise Ec2Error("None", "there is no interface")
    return there[number % len(there)]


def attachment_of(eni: Interface) -> str:
    return eni.attachment.id if eni.attachment else "eni-attach-0"


def some_instance(ec2: Ec2, number: int) -> str:
    there = [instance.id for instance in ec2.account.instances.values()]
    return there[number % len(there)] if there else "i-0"


def create(wish: Wish, primary: IPv4Address | None) -> Step:
    return lambda ec2: void(ec2.interfaces.create(next(iter(ec2.account.subnets)), wish, primary=primary))


def assign(which: int, wish: Wish, may_move: bool) -> Step:
    return lambda ec2: void(ec2.interfaces.assign(pick(ec2, which).id, wish, may_move=may_move))


def unassign(which: int, slots: list[int], prefixes: bool) -> Step:
    def step(ec2: Ec2) -> None:
        eni = pick(ec2, which)
        chosen = [eni.addresses[slot % len(eni.addresses)] for slot in slots]
        ec2.interfaces.unassign(eni.id, chosen, eni.prefixes if prefixes else ())

    return step


def attach(which: int, instance: int, index: int) -> Step:
    return lambda ec2: void(
        ec2.attachments.attach(pick(ec2, which).id, some_instance(ec2, instance), device_index=index)
    )


def detach(which: int) -> Step:
    return lambda ec2: ec2.attachments.detach(attachment_of(pick(ec2, which)))


def delete(which: int) -> Step:
    return lambda ec2: ec2.interfaces.delete(pick(ec2, which).id)


def launch(type_: str) -> Step:
    return lambda ec2: void(ec2.instances.launch(type_, next(iter(ec2.account.subnets))))


def terminate(which: int) -> Step:
    return lambda ec2: ec2.instances.terminate(some_instance(ec2, which))


def void(_: object) -> None:
    """Drop a result."""


STEPS = st.one_of(
    st.builds(create, WISHES, st.none() | ADDRESSES),
    st.builds(assign, WHICH, WISHES, st.booleans()),
    st.builds(unassign, WHICH, st.lists(st.integers(0, 9), max_size=3), st.booleans()),
    st.builds(attach, WHICH, st.integers(0, 2), st.integers(0, 4)),
    st.builds(detach, WHICH),
    st.builds(delete, WHICH),
    st.builds(launch, st.sampled_from(["m5.large", "t2.micro", "m5.tiny"])),
    st.builds(terminate, WHICH),
)


def prepared() -> Ec2:
    """A subnet with two instances and some interfaces that are free, or at the first instance."""
    ec2 = Ec2()
    vpc = ec2.network.create_vpc("10.0.0.0/16")
    subnet = ec2.network.create_subnet(vpc.id, str(SUBNET))
    instances = [ec2.instances.launch(type_, subnet.id) for type_ in ("m5.large", "t2.micro")]
    for index in range(1, 6):
        eni = ec2.interfaces.create(subnet.id, Wish(count=1))
        if index < 3:
            ec2.attachments.attach(eni.id, instances[0].id, index)
    return ec2


class Mirror:
    """The interfaces as a listener knows them."""

    def __init__(self) -> None:
        self.known: dict[str, Interface] = {}

    def __call__(self, change: Change) -> None:
        interface = change.after or change.before
        assert interface is not None
        assert change.before == self.known.get(interface.id)
        if change.after:
            self.known[interface.id] = change.after
        else:
            del self.known[interface.id]


def held(eni: Interface) -> list[IPv4Address]:
    return [*eni.addresses, *(address for prefix in eni.prefixes for address in prefix)]


def check(ec2: Ec2) -> None:
    given_away = [address for eni in ec2.interfaces.all() for address in held(eni)]
    assert len(set(given_away)) == len(given_away)
    assert set(given_away) <= set(list(SUBNET)[4:-1])
    (space,) = ec2.account.spaces.values()
    assert space.free == len(list(SUBNET)) - 5 - len(given_away)
    for instance in ec2.account.instances.values():
        tied, limits = ec2.account.interfaces_of(instance.id), limits_of(instance.type)
        assert len({eni.attachment.device_index for eni in tied if eni.attachment}) == len(tied)
        assert len(tied) <= limits.interfaces[0]
        assert not (tied and instance.state == "terminated")
        for eni in tied:
            assert len(eni.addresses) + len(eni.prefixes) <= limits.addresses_per_interface
            assert limits.has_prefixes or not eni.prefixes


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_addresses_are_given_once_and_limits_are_kept(steps: list[Step]) -> None:
    ec2, mirror = prepared(), Mirror()
    ec2.feed.listen(mirror)
    for step in steps:
        with suppress(Ec2Error):
            step(ec2)
        check(ec2)
    assert mirror.known == {eni.id: eni for eni in ec2.interfaces.all()}


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=12), STEPS)
def test_a_refused_call_changes_nothing(steps: list[Step], last: Step) -> None:
    ec2 = prepared()
    for step in steps:
        with suppress(Ec2Error):
            step(ec2)
    before = (ec2.interfaces.all(), ec2.account.instances.values())
    try:
        last(ec2)
    except Ec2Error:
        assert (ec2.interfaces.all(), ec2.account.instances.values()) == before
        check(ec2)
