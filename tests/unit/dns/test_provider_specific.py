"""Alias, routing and zone of an object's endpoints, and what becomes of them when an annotation is wrong."""

import pytest

from addons.dns.desired.canonical_hosted_zones import canonical_zone
from addons.dns.desired.provider_specific import apply_provider_specific, read_provider_specific
from addons.dns.desired.settings import SourceSettings
from addons.dns.model.endpoint import Desired, Endpoint
from addons.dns.model.records import Alias
from tests.support.dns import endpoint, service

SCOPE = SourceSettings(owner_id="me")
ELB, ELB_ZONE = "web-1.eu-central-1.elb.amazonaws.com", "Z215JYRZR1TBD5"


def applied(*endpoints: Endpoint, settings: SourceSettings = SCOPE, **said: str) -> Desired:
    """The endpoints of a Service with annotations, written with underscores."""
    provider_specific = read_provider_specific(
        {key.replace("_", "-"): value for key, value in said.items()}, settings
    )
    return apply_provider_specific(service("www"), Desired(endpoints), provider_specific, settings)


def aliases(*endpoints: Endpoint, settings: SourceSettings = SCOPE, **said: str) -> dict[str, Alias | None]:
    """Type -> alias, for endpoints without fault."""
    found = applied(*endpoints, settings=settings, **said)
    assert found.problems == ()
    return {one.type: one.alias for one in found.endpoints}


class TestCanonicalZones:
    """The end of a name tells the zone that AWS keeps it in."""

    @pytest.mark.parametrize(
        ("host", "zone"),
        [
            ("web-1.eu-central-1.elb.amazonaws.com", "Z215JYRZR1TBD5"),
            ("dualstack.web-1.eu-central-1.elb.amazonaws.com", "Z215JYRZR1TBD5"),
            ("net-1.elb.eu-central-1.amazonaws.com", "Z3F0SRJ5LGBH90"),
            ("Web-1.CN-North-1.ELB.amazonaws.com.cn.", "Z1GDH35T77C1KE"),
            ("d1.cloudfront.net", "Z2FDTNDATAQYW2"),
            ("a1.awsglobalaccelerator.com", "Z2BJ6XQ5FK7U4H"),
            ("vpce-1.svc.eu-west-1.vpce.amazonaws.com", "Z38GZ743OKFT7T"),
            ("web-1.eu-new-1.elb.amazonaws.com", ""),
            ("dualstack.web-1.eu-new-1.elb.amazonaws.com", ""),
            ("net-1.elb.cn-new-1.amazonaws.com.cn", ""),
            ("eu-central-1.elb.amazonaws.com", None),
            ("elb.amazonaws.com", None),
            ("www.example.com", None),
            ("notcloudfront.net", None),
        ],
    )
    def test_by_name(self, host: str, zone: str | None) -> None:
        assert canonical_zone(host) == zone


class TestAliases:
    """Names of AWS are published as both kinds of alias, unless somebody says otherwise."""

    def test_a_load_balancer(self) -> None:
        alias = Alias(ELB_ZONE, ELB, True)
        assert aliases(endpoint("www", ELB)) == {"A": alias, "AAAA": alias}

    def test_an_alias_has_no_ttl(self) -> None:
        assert {one.ttl for one in applied(endpoint("www", ELB, ttl=60)).endpoints} == {0}

    def test_addresses_stay_addresses(self) -> None:
        one = endpoint("www", "192.0.2.1")
        assert applied(one).endpoints == (one,)

    def test_other_hosts_stay_cnames(self) -> None:
        one = endpoint("www", "lb.example.net")
        assert applied(one).endpoints == (one,)

    def test_no_alias_where_cnames_are_preferred(self) -> None:
        assert aliases(endpoint("www", ELB), settings=SourceSettings(prefer_cname=True)) == {"CNAME": None}

    def test_no_alias_where_the_annotation_says_false(self) -> None:
        assert aliases(endpoint("www", ELB), alias="false") == {"CNAME": None}

    @pytest.mark.parametrize("kind", ["A", "aaaa"])
    def test_one_kind_only(self, kind: str) -> None:
        assert list(aliases(endpoint("www", ELB), alias=kind)) == [kind.upper()]

    def test_a_host_of_our_own_has_its_zone_found_by_the_plan(self) -> None:
        alias = Alias("", "api.example.com", True)
        assert aliases(endpoint("www", "api.example.com"), alias="true") == {"A": alias, "AAAA": alias}

    def test_the_annotation_outdoes_the_setting(self) -> None:
        assert list(
            aliases(endpoint("www", ELB), settings=SourceSettings(prefer_cname=True), alias="True")
        ) == ["A", "AAAA"]

    def test_a_zone_of_ones_own(self) -> None:
        found = aliases(endpoint("www", "a.example.net"), alias="A", aws_target_hosted_zone="Z9")
        assert found == {"A": Alias("Z9", "a.example.net", True)}

    def test_health_by_setting_and_annotation(self) -> None:
        blind = SourceSettings(evaluate_target_health=False)
        assert aliases(endpoint("www", ELB), settings=blind, alias="A") == {"A": Alias(ELB_ZONE, ELB, False)}
        found = aliases(endpoint("www", ELB), settings=blind, alias="A", aws_evaluate_target_health="true")
        assert found == {"A": Alias(ELB_ZONE, ELB, True)}

    def test_cloudfront_has_no_health(self) -> None:
        found = aliases(endpoint("www", "d1.cloudfront.net"), alias="A", aws_evaluate_target_health="true")
        assert found == {"A": Alias("Z2FDTNDATAQYW2", "d1.cloudfront.net", False)}


class TestRouting:
    """Policy, set identifier and health check are on every record of the object."""

    def test_on_all_claims(self) -> None:
        found = applied(
            endpoint("www", "192.0.2.1"), endpoint("api", ELB), aws_weight="7", aws_health_check_id="h"
        )
        assert {(one.set_identifier, one.routing, one.health_check_id) for one in found.endpoints} == {
            ("me", (("Weight", "7"),), "h")
        }

    def test_on_a_claim_without_target_too(self) -> None:
        assert applied(endpoint("www"), aws_weight="7").endpoints[0].set_identifier == "me"

    def test_the_zone(self) -> None:
        for text in ("Z9", "/hostedzone/Z9", " arn:aws:route53:::hostedzone/Z9 "):
            found = applied(endpoint("www", "192.0.2.1"), aws_hosted_zone_id=text)
            assert [one.zone_id for one in found.endpoints] == ["Z9"]

    def test_the_zone_of_an_alias_target(self) -> None:
        found = aliases(endpoint("www", "a.example.net"), alias="A", aws_target_hosted_zone="/hostedzone/Z9")
        assert found == {"A": Alias("Z9", "a.example.net", True)}


class TestFaults:
    """What exists stays as it is, and the object is told."""

    def test_a_bad_weight_leaves_the_record_set_alone(self) -> None:
        found = applied(endpoint("www", ELB), aws_weight="ten", set_identifier="blue")
        (one,) = found.endpoints
        assert (one.name, one.is_pending, one.set_identifier) == ("www.example.com", True, "blue")
        assert [problem.reason for problem in found.problems] == ["InvalidAnnotation"]
        assert "aws-weight: 'ten'" in found.problems[0].message

    @pytest.mark.parametrize(
        "said",
        [
            {"alias": "yes"},
            {"aws_evaluate_target_health": "perhaps"},
            {"aws_weight": "1", "set_identifier": "x" * 200},
            {"aws_multi_value_answer": "true"},
            {"aws_hosted_zone_id": "example.com"},
            {"aws_target_hosted_zone": "example.com"},
        ],
    )
    def test_others(self, said: dict[str, str]) -> None:
        found = applied(endpoint("www", ELB), settings=SCOPE, **said)
        assert [one.is_pending for one in found.endpoints] == [True]
        assert len(found.problems) == 1

    def test_multivalue_goes_with_addresses(self) -> None:
        assert applied(endpoint("www", "192.0.2.1"), aws_multi_value_answer="true").problems == ()
