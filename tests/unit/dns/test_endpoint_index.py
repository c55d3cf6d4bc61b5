"""The index of endpoints: an event costs the names it touches, and no other."""

import pytest
from msgspec.structs import replace

from addons.dns.controller.endpoint_index import EndpointIndex
from addons.dns.model.endpoint import Desired, Endpoint
from addons.dns.model.records import Zone
from addons.dns.model.zones import ZoneFinder
from tests.support.dns import endpoint

ZONES = ZoneFinder(
    [Zone("Z1", "example.com"), Zone("Z2", "sub.example.com"), Zone("Z3", "example.com", True)]
)
WWW, API = ("Service", "web", "www"), ("Service", "web", "api")


def index(*endpoints: Endpoint) -> EndpointIndex:
    made = EndpointIndex()
    made.set_zones(ZONES)
    made.put(WWW, Desired(endpoints))
    return made


def test_a_name_is_wanted_in_every_zone_it_belongs_to() -> None:
    made = index(endpoint("www", "10.0.0.1"), endpoint("a.sub", "10.0.0.1"))
    assert sorted(made.in_zone("Z1")) == ["www.example.com"]
    assert sorted(made.in_zone("Z2")) == ["a.sub.example.com"]
    assert sorted(made.in_zone("Z3")) == ["a.sub.example.com", "www.example.com"]


def test_names_outside_the_domain_filter_are_counted_by_kind_as_objects_come_and_go() -> None:
    made = index(endpoint("www", "10.0.0.1"))
    made.put(API, Desired(outside=("api.example.net", "api.example.org")))
    assert (made.outside["Service"], made.outside_of(API)[0]) == (2, "api.example.net")
    assert made.example_outside("Service") == API
    made.put(WWW, Desired(outside=("www.example.org",)))
    made.put(API, Desired(outside=("api.example.org",)))
    assert (made.outside["Service"], made.outside["Ingress"]) == (2, 0)
    made.put(WWW, Desired())
    made.put(API, Desired())
    assert (made.outside["Service"], made.outside_of(API), made.example_outside("Service")) == (0, (), None)


def test_the_same_claims_again_touch_nothing() -> None:
    made = index(endpoint("www", "10.0.0.1"))
    made.take_changed("Z1")
    assert made.put(WWW, Desired((endpoint("www", "10.0.0.1"),))) == set()
    assert made.take_changed("Z1") == set()


def test_only_the_names_that_changed_are_planned_again() -> None:
    made = index(endpoint("www", "10.0.0.1"), endpoint("api", "10.0.0.1"))
    made.take_changed("Z1")
    assert made.put(WWW, Desired((endpoint("www", "10.0.0.2"), endpoint("api", "10.0.0.1")))) == {"Z1", "Z3"}
    assert made.take_changed("Z1") == {"www.example.com"}
    assert made.take_changed("Z1") == set()


def test_a_name_that_nobody_wants_any_more_is_planned_once_more() -> None:
    made = index(endpoint("www", "10.0.0.1"))
    made.take_changed("Z1")
    made.put(WWW, Desired())
    assert (made.take_changed("Z1"), dict(made.in_zone("Z1")), len(made)) == ({"www.example.com"}, {}, 0)


def test_claims_of_several_objects_stand_side_by_side() -> None:
    made = index(endpoint("www", "10.0.0.1"))
    made.put(API, Desired((endpoint("www", "10.0.0.2", by="api"),)))
    assert len(made.in_zone("Z1")["www.example.com"]) == 2
    made.put(WWW, Desired())
    assert [found.targets for found in made.in_zone("Z1")["www.example.com"]] == [("10.0.0.2",)]


def test_a_name_without_a_zone_waits_for_one() -> None:
    made = EndpointIndex()
    made.put(WWW, Desired((endpoint("www", "10.0.0.1"),)))
    assert list(made.without_zone()) == ["www.example.com"]
    assert [one.asked_by.resource for one in made.without_zone()["www.example.com"]] == ["service/web/www"]
    made.set_zones(ZONES)
    assert dict(made.without_zone()) == {}
    assert made.take_changed("Z1") == {"www.example.com"}


class TestPinned:
    """An endpoint for one hosted zone is in that one, wherever its name would lead otherwise."""

    def pinned(self, zone_id: str) -> Endpoint:
        return replace(endpoint("a.sub", "10.0.0.1"), zone_id=zone_id)

    def wanted(self, made: EndpointIndex) -> list[str]:
        return [zone_id for zone_id in ("Z1", "Z2", "Z3") if made.in_zone(zone_id)]

    def test_in_that_zone_only(self) -> None:
        assert self.wanted(index(endpoint("a.sub", "10.0.0.1"))) == ["Z2", "Z3"]
        assert self.wanted(index(self.pinned("Z1"))) == ["Z1"]

    def test_it_moves(self) -> None:
        made = index(self.pinned("Z1"))
        made.take_changed("Z1")
        assert made.put(WWW, Desired((self.pinned("Z2"),))) == {"Z1", "Z2"}
        assert made.take_changed("Z1") == {"a.sub.example.com"}
        assert self.wanted(made) == ["Z2"]

    def test_beside_one_that_is_not(self) -> None:
        made = index(self.pinned("Z1"))
        made.put(API, Desired((endpoint("a.sub", "10.0.0.2", by="api"),)))
        assert self.wanted(made) == ["Z1", "Z2", "Z3"]
        assert [found.targets for found in made.in_zone("Z1")["a.sub.example.com"]] == [("10.0.0.1",)]

    @pytest.mark.parametrize("zone_id", ["Z9", "Z4"])
    def test_a_zone_that_is_unknown_or_holds_other_names_is_none(self, zone_id: str) -> None:
        made = EndpointIndex()
        made.set_zones(ZoneFinder([Zone("Z1", "example.com"), Zone("Z4", "example.org")]))
        made.put(WWW, Desired((self.pinned(zone_id),)))
        assert made.in_zone(zone_id) == {}
        assert [one.is_unusable for one in made.in_zone("Z1")["a.sub.example.com"]] == [True]
        assert [one.zone_id for one in made.without_zone()["a.sub.example.com"]] == [zone_id]
