"""Names of pods that are gone: kept for a moment, for the successor or for nobody."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from addons.dns.controller.endpoint_index import EndpointIndex
from addons.dns.model.endpoint import Desired, Endpoint
from addons.dns.model.records import Zone
from addons.dns.model.zones import ZoneFinder
from tests.support.dns import endpoint

DB, OTHER = ("Service", "web", "db"), ("Service", "web", "other")
HOLD = 15


def pod(number: int, address: str = "10.0.0.1") -> Endpoint:
    return replace(endpoint(f"db-{number}", address, by="db"), hold_seconds=HOLD)


def index(*endpoints: Endpoint) -> EndpointIndex:
    made = EndpointIndex()
    made.set_zones(ZoneFinder([Zone("Z1", "example.com")]))
    made.put(DB, Desired(endpoints))
    made.take_changed("Z1")
    return made


def wanted(made: EndpointIndex, name: str = "db-0") -> list[tuple[tuple[str, ...], bool]]:
    """Values of the endpoints to a name, and whether they only keep."""
    return [(found.targets, found.keeps) for found in made.in_zone("Z1").get(f"{name}.example.com", ())]


class TestHold:
    """Nobody makes the endpoint any more: it goes on for a while as one that only keeps."""

    def test_the_name_is_kept_until_the_hold_is_over(self) -> None:
        made = index(pod(0), pod(1))
        assert made.put(DB, Desired((pod(1),)), now=100.0) == {"Z1"}
        assert wanted(made) == [(("10.0.0.1",), True)]
        assert made.next_release == 115.0
        assert made.release(114.9) == set()
        assert made.release(115.0) == {"Z1"}
        assert (wanted(made), made.next_release) == ([], float("inf"))
        assert made.take_changed("Z1") == {"db-0.example.com"}

    def test_a_successor_ends_it(self) -> None:
        made = index(pod(0))
        made.put(DB, Desired(), now=100.0)
        made.put(DB, Desired((pod(0, "10.0.0.2"),)), now=101.0)
        assert wanted(made) == [(("10.0.0.2",), False)]
        assert made.next_release == float("inf")

    def test_a_successor_that_another_object_asks_for_ends_it_too(self) -> None:
        made = index(pod(0))
        made.put(DB, Desired(), now=100.0)
        made.put(OTHER, Desired((endpoint("db-0", "10.0.0.3", by="other"),)), now=101.0)
        assert wanted(made) == [(("10.0.0.3",), False)]

    def test_a_change_in_place_needs_none(self) -> None:
        made = index(pod(0))
        made.put(DB, Desired((pod(0, "10.0.0.2"),)), now=100.0)
        assert wanted(made) == [(("10.0.0.2",), False)]

    def test_who_leaves_a_name_that_others_share_is_not_held(self) -> None:
        made = index(pod(0))
        made.put(OTHER, Desired((replace(pod(0, "10.0.0.2"), asked_by=endpoint("x", by="other").asked_by),)))
        made.put(DB, Desired(), now=100.0)
        assert wanted(made) == [(("10.0.0.2",), False)]

    def test_other_names_are_not(self) -> None:
        made = index(endpoint("db-0", "10.0.0.1", by="db"))
        made.put(DB, Desired(), now=100.0)
        assert wanted(made) == []

    def test_each_name_has_its_own_time(self) -> None:
        made = index(pod(0), pod(1))
        made.put(DB, Desired((pod(1),)), now=100.0)
        made.put(DB, Desired(), now=110.0)
        made.release(115.0)
        assert (wanted(made, "db-0"), wanted(made, "db-1")) == ([], [(("10.0.0.1",), True)])
        assert made.next_release == 125.0

    def test_it_outlasts_a_new_routing_of_zones(self) -> None:
        made = index(pod(0))
        made.put(DB, Desired(), now=100.0)
        made.set_zones(ZoneFinder([Zone("Z1", "example.com")]))
        assert wanted(made) == [(("10.0.0.1",), True)]
        made.release(200.0)
        assert wanted(made) == []


steps = st.lists(
    st.tuples(
        st.sampled_from([DB, OTHER]),
        st.sets(st.integers(0, 2)),
        st.sampled_from(["10.0.0.1", "10.0.0.2"]),
        st.integers(0, 20),
    ),
    max_size=8,
)


@given(steps)
def test_in_the_end_exactly_what_is_asked_for_remains(
    steps: list[tuple[tuple[str, str, str], set[int], str, int]],
) -> None:
    made, now = index(), 0.0
    asked: dict[tuple[str, str, str], set[Endpoint]] = {}
    for owner, numbers, address, seconds in steps:
        now += seconds
        made.release(now)
        asked_by = endpoint("x", by=owner[2]).asked_by
        endpoints = tuple(replace(pod(number, address), asked_by=asked_by) for number in sorted(numbers))
        asked[owner] = set(endpoints)
        made.put(owner, Desired(endpoints), now)
    made.release(now + HOLD)
    remaining = {found for endpoints in made.in_zone("Z1").values() for found in endpoints}
    assert remaining == set().union(*asked.values())
    assert made.next_release == float("inf")
