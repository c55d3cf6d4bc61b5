"""Routing policies as annotations ask for them: exactly, or not at all."""

import pytest

from addons.dns.desired.routing_policies import InvalidRouting, Routing, read_routing


def routing(owner: str = "me", **said: str) -> Routing:
    """What annotations ask for, their keys written with underscores and without `aws-`."""
    keys = {
        key: "set-identifier" if key == "set_identifier" else "aws-" + key.replace("_", "-") for key in said
    }
    return read_routing({keys[key]: value for key, value in said.items()}, owner)


def policy(**said: str) -> tuple[str, str]:
    """The one policy, as field of the API and JSON."""
    (found,) = routing(**said).policy
    return found


class TestPolicies:
    """Each becomes the field of the API, as a listing will show it again."""

    def test_none(self) -> None:
        assert routing() == Routing()

    @pytest.mark.parametrize("weight", ["0", "1", "255", " 10 "])
    def test_weighted(self, weight: str) -> None:
        assert policy(weight=weight) == ("Weight", weight.strip())

    def test_latency(self) -> None:
        assert policy(region="us-gov-west-1") == ("Region", '"us-gov-west-1"')

    @pytest.mark.parametrize("text", ["PRIMARY", "primary", "SECONDARY"])
    def test_failover(self, text: str) -> None:
        assert policy(failover=text) == ("Failover", f'"{text.upper()}"')

    def test_multivalue(self) -> None:
        assert (
            policy(multi_value_answer="") == policy(multi_value_answer="true") == ("MultiValueAnswer", "true")
        )

    def test_multivalue_false_is_no_policy(self) -> None:
        assert routing(multi_value_answer="false") == Routing()

    def test_a_continent(self) -> None:
        assert policy(geolocation_continent_code="eu") == ("GeoLocation", '{"ContinentCode": "EU"}')

    @pytest.mark.parametrize("code", ["DE", "*"])
    def test_a_country(self, code: str) -> None:
        assert policy(geolocation_country_code=code) == ("GeoLocation", f'{{"CountryCode": "{code}"}}')

    def test_a_part_of_a_country(self) -> None:
        found = policy(geolocation_country_code="US", geolocation_subdivision_code="NY")
        assert found == ("GeoLocation", '{"CountryCode": "US", "SubdivisionCode": "NY"}')

    def test_a_place_of_aws(self) -> None:
        found = policy(geoproximity_region="eu-west-1", geoproximity_bias="-20")
        assert found == ("GeoProximityLocation", '{"AWSRegion": "eu-west-1", "Bias": -20}')

    def test_a_local_zone_group(self) -> None:
        found = policy(geoproximity_local_zone_group="us-west-2-lax-1")
        assert found == ("GeoProximityLocation", '{"LocalZoneGroup": "us-west-2-lax-1"}')

    def test_a_place_on_the_globe(self) -> None:
        found = policy(geoproximity_coordinates="49.22, -74.01")
        assert found == (
            "GeoProximityLocation",
            '{"Coordinates": {"Latitude": "49.22", "Longitude": "-74.01"}}',
        )

    def test_a_bias_of_nothing_is_no_bias(self) -> None:
        assert policy(geoproximity_region="eu-west-1", geoproximity_bias="0") == policy(
            geoproximity_region="eu-west-1"
        )


class TestSetIdentifiers:
    """They tell clusters apart, so without one the owner id stands in."""

    def test_a_written_one(self) -> None:
        assert routing(weight="1", set_identifier="blue").set_identifier == "blue"

    def test_the_owner_otherwise(self) -> None:
        assert routing(weight="1").set_identifier == "me"

    def test_a_health_check_goes_with_it(self) -> None:
        assert routing(weight="1", health_check_id="hc-1").health_check_id == "hc-1"


class TestFaults:
    """A value that makes no sense is told; it never becomes another value."""

    @pytest.mark.parametrize("weight", ["", "-1", "256", "ten", "1.5", "٣", "99999"])
    def test_weights(self, weight: str) -> None:
        with pytest.raises(InvalidRouting, match=r"aws-weight: .* from 0 to 255"):
            routing(weight=weight)

    @pytest.mark.parametrize(
        "said",
        [
            {"region": "Frankfurt"},
            {"failover": "TERTIARY"},
            {"multi_value_answer": "maybe"},
            {"geolocation_continent_code": "XX"},
            {"geolocation_country_code": "Germany"},
            {"geoproximity_coordinates": "91,0"},
            {"geoproximity_coordinates": "49.22"},
            {"geoproximity_coordinates": "north,west"},
            {"geoproximity_region": "eu-west-1", "geoproximity_bias": "100"},
        ],
    )
    def test_other_values(self, said: dict[str, str]) -> None:
        with pytest.raises(InvalidRouting, match=f"aws-{next(reversed(said)).replace('_', '-')}: "):
            routing(**said)

    @pytest.mark.parametrize(
        ("said", "both"),
        [
            ({"weight": "1", "region": "eu-west-1"}, "aws-region and aws-weight"),
            (
                {"failover": "PRIMARY", "multi_value_answer": "true"},
                "aws-failover and aws-multi-value-answer",
            ),
            (
                {"geolocation_continent_code": "EU", "geolocation_country_code": "DE"},
                "aws-geolocation-continent-code and aws-geolocation-country-code",
            ),
            (
                {"geoproximity_region": "eu-west-1", "geoproximity_coordinates": "1,1"},
                "aws-geoproximity-coordinates and aws-geoproximity-region",
            ),
        ],
    )
    def test_two_policies_exclude_each_other_and_are_named_both(
        self, said: dict[str, str], both: str
    ) -> None:
        with pytest.raises(InvalidRouting, match=both):
            routing(**said)

    @pytest.mark.parametrize(
        "said",
        [
            {"set_identifier": "blue"},
            {"health_check_id": "hc-1"},
            {"geolocation_subdivision_code": "NY"},
            {"geoproximity_bias": "10"},
        ],
    )
    def test_what_means_nothing_alone(self, said: dict[str, str]) -> None:
        with pytest.raises(InvalidRouting, match="needs"):
            routing(**said)

    def test_no_owner_and_no_set_identifier(self) -> None:
        with pytest.raises(InvalidRouting, match="needs a set-identifier"):
            routing(owner="", weight="1")

    def test_a_long_set_identifier(self) -> None:
        with pytest.raises(InvalidRouting, match="129 characters, at most 128"):
            routing(weight="1", set_identifier="x" * 129)
