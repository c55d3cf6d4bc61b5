"""What must change so that one mapping becomes another."""

from hypothesis import given
from hypothesis import strategies as st

from addons.runtime.diff import Diff, diff

mappings = st.dictionaries(st.text(max_size=3), st.integers(0, 3))


class TestDiff:
    def test_added_changed_and_removed_are_told_apart_and_sorted(self) -> None:
        found = diff({"d": 1, "c": 1, "same": 1, "b": 1}, {"same": 1, "b": 2, "z": 1, "a": 1})
        assert found == Diff((("a", 1), ("z", 1)), (("b", 1, 2),), (("c", 1), ("d", 1)))

    def test_the_caller_says_what_is_the_same(self) -> None:
        assert not diff({"a": "X"}, {"a": "x"}, same=lambda old, new: old.lower() == new.lower())

    @given(mappings, mappings)
    def test_applied_it_makes_the_one_from_the_other(self, old: dict[str, int], new: dict[str, int]) -> None:
        found = diff(old, new)
        made = {key: value for key, value in old.items() if (key, value) not in found.removed}
        made |= dict(found.added) | {key: value for key, _, value in found.changed}
        assert made == new

    @given(mappings)
    def test_nothing_differs_from_itself(self, mapping: dict[str, int]) -> None:
        assert not diff(mapping, mapping)
