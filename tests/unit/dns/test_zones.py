"""Which zones a name belongs to, and which of them are looked at."""

import pytest

from addons.dns.model.hostnames import InvalidHostname
from addons.dns.model.records import Zone
from addons.dns.model.zones import DomainFilter, InvalidZoneId, ZoneFilter, ZoneFinder, parse_zone_id

PUBLIC = Zone("Z1", "example.com")
CHILD = Zone("Z2", "sub.example.com")
PRIVATE = Zone("Z3", "example.com", private=True)
OTHER_PRIVATE = Zone("Z4", "example.com", private=True)


class TestFinder:
    """A name goes to its longest public zone and to its longest private zones."""

    def find(self, name: str, *zones: Zone) -> tuple[str, ...]:
        return ZoneFinder(zones).find(name)

    def test_the_longest_zone_wins(self) -> None:
        assert self.find("a.sub.example.com", PUBLIC, CHILD) == ("Z2",)

    def test_public_and_private_zones_of_one_name_both_serve_it(self) -> None:
        assert self.find("a.sub.example.com", PUBLIC, CHILD, PRIVATE) == ("Z2", "Z3")

    def test_two_private_zones_of_one_name_both_serve_it(self) -> None:
        assert self.find("a.example.com", PRIVATE, OTHER_PRIVATE) == ("Z3", "Z4")

    def test_labels_are_never_cut(self) -> None:
        assert self.find("notexample.com", PUBLIC) == ()

    def test_the_apex_belongs_to_its_zone(self) -> None:
        assert self.find("sub.example.com", PUBLIC, CHILD) == ("Z2",)


class TestDomainFilter:
    """Only names in the included domains, and never those in the excluded ones."""

    @pytest.mark.parametrize(
        ("include", "exclude", "name", "accepted"),
        [
            ((), (), "a.example.com", True),
            (("example.com",), (), "a.example.com", True),
            (("Example.COM.",), (), "example.com", True),
            ((".example.com",), (), "example.com", False),
            ((".example.com",), (), "a.example.com", True),
            (("example.com",), (), "notexample.com", False),
            (("example.com",), ("b.example.com",), "a.b.example.com", False),
            ((), ("b.example.com",), "a.example.com", True),
            (("bücher.example",), (), "a.xn--bcher-kva.example", True),
        ],
    )
    def test_accepts(
        self, include: tuple[str, ...], exclude: tuple[str, ...], name: str, accepted: bool
    ) -> None:
        assert DomainFilter(include, exclude).accepts(name) is accepted

    def test_refuses_what_is_no_domain(self) -> None:
        with pytest.raises(InvalidHostname):
            DomainFilter(["a b"])


class TestZoneFilter:
    """A zone passes when its id, its kind and its name all do."""

    def ids(self, *, domains: tuple[str, ...] = (), **settings: object) -> str:
        chosen = ZoneFilter(domains=DomainFilter(domains), **settings)  # type: ignore[arg-type]
        return " ".join(zone.id for zone in (PUBLIC, CHILD, PRIVATE) if not chosen.refusal(zone))

    def test_everything_passes_without_filters(self) -> None:
        assert self.ids() == "Z1 Z2 Z3"

    def test_by_kind(self) -> None:
        assert self.ids(zone_type="private") == "Z3"
        assert self.ids(zone_type="public") == "Z1 Z2"

    def test_by_the_end_of_the_id(self) -> None:
        assert self.ids(zone_ids=("2", "Z3")) == "Z2 Z3"

    def test_by_domain(self) -> None:
        assert self.ids(domains=("sub.example.com",)) == "Z2"

    def test_parents_of_a_domain_pass_when_asked_for(self) -> None:
        assert self.ids(domains=("sub.example.com",), match_parent=True) == "Z1 Z2 Z3"

    def test_the_setting_that_leaves_a_zone_out_is_named(self) -> None:
        public, nobody = ZoneFilter(domains=DomainFilter(), zone_type="private"), DomainFilter(["sub.a.org"])
        assert public.refusal(PUBLIC) == "--aws-zone-type=private"
        assert ZoneFilter(domains=DomainFilter(), zone_ids=["Z9"]).refusal(PUBLIC) == "--zone-id-filter"
        assert ZoneFilter(domains=nobody).refusal(PUBLIC) == "the domain filter"
        parent = ZoneFilter(domains=nobody).refusal(Zone("Z5", "a.org"))
        assert parent == "the domain filter, without --aws-zone-match-parent"

    def test_ids_that_no_zone_has_are_known(self) -> None:
        chosen = ZoneFilter(domains=DomainFilter(), zone_ids=["1", "Z9"])
        assert chosen.unmatched(["Z1", "Z2"]) == ("Z9",)


class TestZoneId:
    """The id of a hosted zone in every form in which Route 53 writes it."""

    @pytest.mark.parametrize(
        "text",
        [
            "Z0AB1",
            "/hostedzone/Z0AB1",
            "hostedzone/Z0AB1",
            " /hostedzone/Z0AB1\n",
            "arn:aws:route53:::hostedzone/Z0AB1",
            "arn:aws-us-gov:route53:::hostedzone/Z0AB1",
            "z0ab1",
        ],
    )
    def test_is_read(self, text: str) -> None:
        assert parse_zone_id(text) == "Z0AB1"

    @pytest.mark.parametrize("text", ["", "/hostedzone/", "example.com", "Z1 Z2", "/change/Z0AB1", "Z" * 33])
    def test_anything_else_is_none(self, text: str) -> None:
        with pytest.raises(InvalidZoneId, match="is no id of a hosted zone"):
            parse_zone_id(text)
