"""Attributes: what is encoded is found again, whatever else the kernel adds."""

from hypothesis import given
from hypothesis import strategies as st

from addons.netlink.attributes import Attributes, decode, encode, entries, holds, number, text

trees: st.SearchStrategy[Attributes] = st.recursive(
    st.binary(max_size=9),
    lambda values: st.lists(st.tuples(st.integers(1, 40), values), max_size=4, unique_by=lambda p: p[0]).map(
        tuple
    ),
    max_leaves=12,
).filter(lambda value: isinstance(value, tuple))  # type: ignore[assignment]


class TestAttributes:
    @given(trees)
    def test_what_is_encoded_is_found_again(self, tree: Attributes) -> None:
        assert holds(tree, encode(tree))
        assert list(decode(encode(tree))) == [number for number, _ in tree]

    @given(trees, st.integers(41, 60), st.binary(max_size=5))
    def test_attributes_that_the_kernel_adds_do_not_disturb(
        self, tree: Attributes, number: int, value: bytes
    ) -> None:
        assert holds(tree, encode(((number, value), *tree)))
        assert not holds(((number, value), *tree), encode(tree))

    def test_another_value_is_another(self) -> None:
        nested: Attributes = ((3, ((1, b"x"),)),)
        assert not holds(nested, encode(((3, ((1, b"y"),)),)))

    @given(st.binary(max_size=64))
    def test_whatever_arrives_is_read_without_failing(self, octets: bytes) -> None:
        assert all(isinstance(value, bytes) for _, value in entries(octets))

    def test_names_end_with_zero_and_numbers_are_in_network_order(self) -> None:
        assert text("eth0") == b"eth0\0"
        assert (number(1), number(-110)) == (b"\0\0\0\x01", b"\xff\xff\xff\x92")
