"""What is granted where several objects ask for one name."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from addons.dns.model.endpoint import Endpoint, SourceObject
from addons.dns.plan.conflict_resolver import Resolution, resolve
from addons.runtime.outcomes import ObjectRef
from tests.support.dns import endpoint

POLICY = (("Weight", "1"),)


def ingress(name: str, *targets: str, ttl: int = 300) -> Endpoint:
    """An endpoint of an Ingress: www.example.com."""
    return replace(
        endpoint("www", *targets, ttl=ttl),
        asked_by=SourceObject(ObjectRef("Ingress", "web", name), "2026-01-01"),
    )


def granted(resolution: Resolution) -> dict[str, tuple[str, ...]]:
    return {kind: found.targets for kind, found in resolution.granted.items()}


def losers(*endpoints: Endpoint, current: str = "") -> list[str]:
    return [str(ref) for ref in resolve(endpoints, current).losers]


class TestTogether:
    """Addresses that objects of one kind ask for are all granted."""

    def test_the_targets_are_united(self) -> None:
        resolution = resolve([endpoint("www", "10.0.0.2", by="b"), endpoint("www", "10.0.0.1", by="a")], "")
        assert granted(resolution) == {"A": ("10.0.0.1", "10.0.0.2")}
        assert resolution.losers == ()

    def test_each_family_by_itself(self) -> None:
        resolution = resolve(
            [endpoint("www", "10.0.0.1", by="a"), endpoint("www", "2001:db8::1", by="b")], ""
        )
        assert granted(resolution) == {"A": ("10.0.0.1",), "AAAA": ("2001:db8::1",)}

    def test_one_address_in_two_spellings_is_one(self) -> None:
        resolution = resolve(
            [endpoint("www", "2001:db8::1", by="a"), endpoint("www", "2001:DB8::1", by="b")], ""
        )
        assert granted(resolution) == {"AAAA": ("2001:db8::1",)}

    def test_ttl_and_ownership_are_those_of_the_current_holder(self) -> None:
        asked = [endpoint("www", "10.0.0.1", by="a", ttl=60), endpoint("www", "10.0.0.2", by="b", ttl=10)]
        resolution = resolve(asked, "service/web/b")
        assert (resolution.winner.resource, resolution.granted["A"].ttl) == ("service/web/b", 10)

    def test_a_holder_that_has_no_target_now_leaves_the_name_to_the_others(self) -> None:
        resolution = resolve([endpoint("www", by="a"), endpoint("www", "10.0.0.2", by="b")], "service/web/a")
        assert (resolution.winner.resource, granted(resolution)) == ("service/web/a", {"A": ("10.0.0.2",)})


class TestAlike:
    """Who asks for the same, or for nothing yet, is in nobody's way."""

    def test_ingresses_behind_one_load_balancer(self) -> None:
        assert losers(ingress("a", "lb.example.net"), ingress("b", "LB.example.net.")) == []

    def test_objects_of_different_kinds_with_the_same_address(self) -> None:
        assert losers(ingress("a", "10.0.0.1", ttl=60), endpoint("www", "10.0.0.1")) == []

    def test_an_object_without_a_target(self) -> None:
        assert losers(ingress("a", "lb.example.net"), ingress("b"), endpoint("www")) == []


class TestAgainstEachOther:
    """Who excludes the winner loses, and is told."""

    def test_two_host_names(self) -> None:
        assert losers(ingress("a", "a.example.net"), ingress("b", "b.example.net")) == ["ingress/web/b"]

    def test_addresses_and_a_host_name(self) -> None:
        assert losers(ingress("a", "10.0.0.1"), ingress("b", "b.example.net")) == ["ingress/web/b"]

    def test_addresses_that_objects_of_different_kinds_ask_for(self) -> None:
        found = resolve([ingress("a", "10.0.0.1"), endpoint("www", "10.0.0.2")], "")
        assert (granted(found), [str(ref) for ref in found.losers]) == (
            {"A": ("10.0.0.1",)},
            ["service/web/www"],
        )

    def test_addresses_with_different_routing(self) -> None:
        weighted = replace(endpoint("www", "10.0.0.2", by="b"), routing=POLICY)
        assert losers(endpoint("www", "10.0.0.1", by="a"), weighted) == ["service/web/b"]


objects = st.builds(
    endpoint,
    st.just("www"),
    st.sampled_from(["10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:DB8::1", "a.example.net"]),
    by=st.sampled_from(["x", "y", "z"]),
    ttl=st.sampled_from([60, 300]),
    created=st.sampled_from(["2025", "2026"]),
)
asked = st.lists(
    st.one_of(objects, st.builds(ingress, st.sampled_from("pq"), st.just("10.0.0.3"))),
    min_size=1,
    max_size=6,
    unique_by=lambda found: found.asked_by.resource,
)


@given(asked, st.sampled_from(["", "service/web/x"]), st.randoms(use_true_random=False))
def test_the_order_in_which_they_ask_does_not_matter(
    asked: list[Endpoint], current: str, random: Random
) -> None:
    shuffled = list(asked)
    random.shuffle(shuffled)
    assert _shape(resolve(asked, current)) == _shape(resolve(shuffled, current))


@given(asked)
def test_the_verdict_stands_when_its_winner_holds_the_name(asked: list[Endpoint]) -> None:
    first = resolve(asked, "")
    assert _shape(resolve(asked, first.winner.resource)) == _shape(first)


def _shape(resolution: Resolution) -> object:
    return resolution.winner, resolution.granted, resolution.losers
