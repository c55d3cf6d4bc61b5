"""The lines of the journal: what is read is what was written, whatever became of the rest."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from addons.cni.model.assignments import Assignment, PodId, SandboxKey
from addons.cni.store.allocations import Allocations
from addons.cni.store.records import (
    Assigned,
    Cleared,
    Damaged,
    Ended,
    Quarantined,
    Record,
    Recovered,
    Released,
    Rested,
    encode,
    encode_all,
    read_lines,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)


def ip(last: int) -> IPv4Address:
    return IPv4Address(f"10.0.0.{last}")


def key(container: str) -> SandboxKey:
    return SandboxKey("aws-cni", container, "eth0")


def assigned(container: str, last: int) -> Assigned:
    pod = PodId("shop", f"web-{container}", f"uid-{container}")
    return Assigned(
        Assignment(
            key=key(container),
            pod=pod,
            ip=ip(last),
            eni_id="eni-1",
            host_if=f"eni{container}",
            netns=f"/run/netns/{container}",
            since=NOW,
        )
    )


containers = st.sampled_from("abcd")
numbers = st.integers(1, 4)
times = st.sampled_from((NOW - timedelta(days=2), NOW - timedelta(seconds=1), LATER))
records: st.SearchStrategy[Record] = st.one_of(
    st.builds(assigned, containers, numbers),
    st.builds(lambda c, n, t: Released(key(c), ip(n), t), containers, numbers, times),
    st.builds(lambda n, t: Rested(ip(n), t), numbers, times),
    st.builds(Ended, containers, times),
    st.builds(lambda n: Quarantined(ip(n), "EC2 has it elsewhere"), numbers),
    st.builds(lambda n: Cleared(ip(n)), numbers),
    st.just(Damaged(("line 2: its checksum is wrong",))),
    st.just(Recovered()),
)


def state_of(allocations: Allocations, now: datetime = NOW) -> tuple[object, ...]:
    """What counts: what is over does not."""
    return (
        allocations.by_key,
        {ip: each.key for ip, each in allocations.by_ip.items()},
        {ip: until for ip, until in allocations.cooling.items() if until > now},
        {name: until for name, until in allocations.ended.items() if until > now},
        allocations.quarantined,
        allocations.is_recovered,
        allocations.damage,
    )


class TestLines:
    """A line is read as it was written, or not at all."""

    @given(st.lists(records))
    def test_what_was_written_is_read(self, written: list[Record]) -> None:
        assert read_lines(encode_all(written)).records == tuple(written)

    @given(st.lists(records, min_size=1), st.data())
    def test_a_file_cut_anywhere_has_all_lines_before_the_cut(
        self, written: list[Record], data: st.DataObject
    ) -> None:
        text = encode_all(written)
        cut = data.draw(st.integers(0, len(text)))
        whole = text[:cut].count(b"\n")
        lines = read_lines(text[:cut])
        assert (lines.records, lines.bad) == (tuple(written[:whole]), ())

    @given(st.lists(records, min_size=2), st.data())
    def test_a_spoilt_byte_costs_its_line_alone(self, written: list[Record], data: st.DataObject) -> None:
        lines = [encode(each) for each in written]
        number = data.draw(st.integers(0, len(lines) - 2))
        at = data.draw(st.integers(0, len(lines[number]) - 2))
        spoilt = bytearray(lines[number])
        spoilt[at] ^= 0x01 if spoilt[at] ^ 0x01 != 0x0A else 0x02
        lines[number] = bytes(spoilt)
        read = read_lines(b"".join(lines))
        assert read.records == (*written[:number], *written[number + 1 :])
        assert [bad.number for bad in read.bad] == [number + 1]

    def test_zeros_at_the_end_as_a_power_cut_leaves_them_are_no_damage(self) -> None:
        lines = read_lines(encode(assigned("a", 1)) + bytes(4096))
        assert (len(lines.records), lines.bad, lines.torn) == (1, (), 1)


class TestAllocations:
    """What the records come to."""

    @given(st.lists(records))
    def test_saying_it_anew_with_the_fewest_records_comes_to_the_same(self, written: list[Record]) -> None:
        once = Allocations(written)
        assert state_of(Allocations(once.records(NOW))) == state_of(once)

    @given(st.lists(records))
    def test_no_address_has_two_owners_and_no_sandbox_two_addresses(self, written: Sequence[Record]) -> None:
        held = Allocations(written)
        assert {each.ip: each for each in held.by_key.values()} == held.by_ip
        assert len(held.by_key) == len(held.by_ip)

    @given(st.lists(records), records)
    def test_a_fact_told_twice_is_one(self, written: list[Record], record: Record) -> None:
        assert state_of(Allocations([*written, record, record])) == state_of(Allocations([*written, record]))

    @given(st.lists(records))
    def test_an_address_that_somebody_holds_does_not_rest(self, written: list[Record]) -> None:
        without_rests = [each for each in written if not isinstance(each, Rested)]
        held = Allocations(without_rests)
        assert not held.cooling.keys() & held.by_ip.keys()

    def test_a_release_of_an_address_that_moved_on_changes_nothing(self) -> None:
        held = Allocations([assigned("a", 1), assigned("a", 2), Released(key("a"), ip(1), LATER)])
        assert list(held.by_ip) == [ip(2)]
