"""What a DNSEndpoint asks for: record sets as they stand there, each entry by itself."""

import pytest

from addons.dns.desired.record_values import InvalidValue, parse_value
from addons.dns.desired.settings import SourceSettings
from addons.dns.desired.source_crd import crd_endpoints
from addons.dns.desired.target_filter import TargetFilter
from addons.dns.model.dns_endpoints import DnsEndpoint, DnsEndpointSpec, Property, WantedEndpoint
from addons.dns.model.endpoint import Desired
from addons.dns.model.zones import DomainFilter
from addons.runtime.objects import ObjectMeta

EVERY_TYPE = TargetFilter(
    types=frozenset({"A", "AAAA", "CNAME", "MX", "NAPTR", "NS", "PTR", "SRV", "TLSA", "TXT"})
)


def entry(
    name: str, kind: str, *targets: str, ttl: int = 0, identifier: str = "", **properties: str
) -> WantedEndpoint:
    said = tuple(Property(f"aws/{key.replace('_', '-')}", value) for key, value in properties.items())
    return WantedEndpoint(name, kind, targets, ttl, identifier, said)


def endpoint(*entries: WantedEndpoint, **annotations: str) -> DnsEndpoint:
    said = {f"external-dns.kubernetes.io/{key}": value for key, value in annotations.items()}
    metadata = ObjectMeta(name="records", namespace="web", annotations=said)
    return DnsEndpoint(metadata=metadata, spec=DnsEndpointSpec(entries))


def endpoints(*entries: WantedEndpoint, **settings: object) -> Desired:
    return crd_endpoints(endpoint(*entries), SourceSettings(**({"targets": EVERY_TYPE} | settings)))  # type: ignore[arg-type]


def wants(*entries: WantedEndpoint, **settings: object) -> dict[str, str]:
    """Every endpoint as `"a.example.com A": "10.0.0.1 10.0.0.2"`."""
    found = endpoints(*entries, **settings).endpoints
    return {f"{endpoint.name} {endpoint.type}".strip(): " ".join(endpoint.targets) for endpoint in found}


def problems(*entries: WantedEndpoint) -> list[tuple[str, str]]:
    return [(found.reason, found.message) for found in endpoints(*entries).problems]


class TestEntries:
    """Every entry becomes an endpoint of its name and type."""

    def test_addresses_of_both_families(self) -> None:
        found = wants(
            entry("A.Example.com.", "A", "10.0.0.2", "10.0.0.1"), entry("a.example.com", "AAAA", "::1")
        )
        assert found == {"a.example.com A": "10.0.0.1 10.0.0.2", "a.example.com AAAA": "::1"}

    def test_wildcards(self) -> None:
        assert wants(entry("*.example.com", "CNAME", "b.example.com.")) == {
            "*.example.com CNAME": "b.example.com"
        }

    def test_the_ttl_is_its_own_or_the_default(self) -> None:
        found = endpoints(
            entry("a.example.com", "A", "10.0.0.1", ttl=7), entry("b.example.com", "A", "10.0.0.1")
        )
        assert [endpoint.ttl for endpoint in found.endpoints] == [7, 300]

    def test_entries_of_one_name_and_type_come_together(self) -> None:
        found = wants(entry("a.example.com", "A", "10.0.0.2"), entry("a.example.com", "A", "10.0.0.1"))
        assert found == {"a.example.com A": "10.0.0.1 10.0.0.2"}

    def test_without_targets_the_name_is_wanted_as_it_is(self) -> None:
        assert wants(entry("a.example.com", "A")) == {"a.example.com": ""}
        assert wants(entry("a.example.com", "MX")) == {"a.example.com MX": ""}

    def test_names_outside_the_domain_filter_are_left_to_others(self) -> None:
        found = endpoints(entry("a.example.net", "A", "10.0.0.1"), domains=DomainFilter(["example.com"]))
        assert found == Desired(outside=("a.example.net",))

    def test_an_object_that_somebody_else_serves_is_left_alone(self) -> None:
        other = endpoint(entry("a.example.com", "A", "10.0.0.1"), controller="other")
        assert crd_endpoints(other, SourceSettings()) == Desired()

    def test_ownership_texts_call_it_crd(self) -> None:
        found = endpoints(entry("a.example.com", "A", "10.0.0.1")).endpoints
        assert found[0].asked_by.resource == "crd/web/records"


class TestSteering:
    """Properties mean what the annotations of the same name mean."""

    def test_a_weight_with_its_set_identifier(self) -> None:
        found = endpoints(entry("a.example.com", "A", "10.0.0.1", identifier="blue", weight="10")).endpoints
        assert (found[0].set_identifier, found[0].routing) == ("blue", (("Weight", "10"),))

    def test_entries_with_different_set_identifiers_stand_beside_each_other(self) -> None:
        one = entry("a.example.com", "A", "10.0.0.1", identifier="blue", weight="10")
        other = entry("a.example.com", "A", "10.0.0.2", identifier="green", weight="90")
        assert [endpoint.set_identifier for endpoint in endpoints(one, other).endpoints] == ["blue", "green"]

    def test_a_host_of_aws_becomes_an_alias(self) -> None:
        found = endpoints(entry("a.example.com", "CNAME", "x.us-east-1.elb.amazonaws.com")).endpoints
        assert [(endpoint.type, bool(endpoint.alias)) for endpoint in found] == [("A", True), ("AAAA", True)]

    @pytest.mark.parametrize("kind", ["A", "AAAA"])
    @pytest.mark.parametrize("said", ["true", "same"])
    def test_an_address_record_that_is_an_alias_is_one_of_its_type(self, kind: str, said: str) -> None:
        alias = (Property("alias", kind if said == "same" else said),)
        obj = WantedEndpoint("a.example.com", kind, ("x.us-east-1.elb.amazonaws.com",), 60, "", alias)
        found = endpoints(obj)
        assert [(endpoint.type, bool(endpoint.alias)) for endpoint in found.endpoints] == [(kind, True)]
        assert found.problems == ()

    def test_an_address_record_with_a_host_is_none_unless_it_is_to_be_an_alias(self) -> None:
        for properties in ((), (Property("alias", "false"),), (Property("alias", "AAAA"),)):
            host = ("x.us-east-1.elb.amazonaws.com",)
            found = endpoints(WantedEndpoint("a.example.com", "A", host, 0, "", properties))
            assert [endpoint.is_unusable for endpoint in found.endpoints] == [True]
            assert [problem.reason for problem in found.problems] == ["InvalidEndpoint"]

    def test_a_fault_names_its_entry(self) -> None:
        reason, message = problems(entry("a.example.com", "A", "10.0.0.1", identifier="b", weight="x"))[0]
        assert (reason, message.split(": ")[:2]) == ("InvalidAnnotation", ["spec.endpoints[0]", "aws-weight"])


class TestFaults:
    """A bad entry costs itself, and nothing of its neighbours."""

    def test_the_neighbours_are_served(self) -> None:
        found = wants(entry("a..example.com", "A", "10.0.0.1"), entry("b.example.com", "A", "10.0.0.1"))
        assert found == {"b.example.com A": "10.0.0.1"}

    @pytest.mark.parametrize(
        ("wanted", "reason", "message"),
        [
            (entry("a b", "A", "10.0.0.1"), "InvalidHostname", "spec.endpoints[0].dnsName: 'a b'"),
            (
                entry("a.b", "A", "10.0.0.1."),
                "InvalidEndpoint",
                "spec.endpoints[0].targets: '10.0.0.1.' is no",
            ),
            (entry("a.b", "CNAME", "b.c", "d.e"), "InvalidEndpoint", "a CNAME has one target, not 2"),
            (entry("a.b", "CAA", "x"), "InvalidEndpoint", "recordType: 'CAA' is not managed"),
            (entry("a.b", "A", "10.0.0.1", ttl=-1), "InvalidEndpoint", "recordTTL: -1 is not a number"),
        ],
    )
    def test_each_is_told_and_unusable(self, wanted: WantedEndpoint, reason: str, message: str) -> None:
        found = problems(wanted)
        assert [code for code, _ in found] == [reason]
        assert message in found[0][1]
        desired = endpoints(wanted)
        assert all(endpoint.is_unusable for endpoint in desired.endpoints)
        assert bool(desired.endpoints) != bool(desired.unreadable)

    def test_a_type_that_is_not_managed_is_told(self) -> None:
        found = crd_endpoints(endpoint(entry("a.example.com", "MX", "1 b.c")), SourceSettings()).problems
        assert "--managed-record-types has A, AAAA, CNAME" in found[0].message

    def test_entries_that_exclude_each_other_are_told_and_left_to_what_exists(self) -> None:
        address, host = entry("a.b", "A", "10.0.0.1"), entry("a.b", "CNAME", "b.c")
        for two in ((address, host), (host, address)):
            assert wants(*two) == {"a.b A": "10.0.0.1", "a.b CNAME": "b.c"}
            assert [reason for reason, _ in problems(*two)] == ["ConflictingTargets"]
        (told,) = problems(entry("a.b", "CNAME", "b.c"), entry("a.b", "CNAME", "d.e"))
        assert told == (
            "ConflictingTargets",
            "spec.endpoints[1]: CNAME a.b excludes another entry; "
            "the one whose record exists counts, else addresses before a CNAME",
        )

    def test_two_weights_of_one_record_set_exclude_each_other(self) -> None:
        one = entry("a.b", "A", "10.0.0.1", identifier="blue", weight="10")
        other = entry("a.b", "A", "10.0.0.2", identifier="blue", weight="90")
        assert [reason for reason, _ in problems(one, other)] == ["ConflictingTargets"]

    def test_of_two_times_to_live_of_one_record_the_shorter_counts_whatever_the_order(self) -> None:
        two = [entry("a.b", "A", "10.0.0.1", ttl=60), entry("a.b", "A", "10.0.0.2", ttl=30)]
        for order in (two, two[::-1]):
            (found,) = endpoints(*order).endpoints
            assert (found.targets, found.ttl) == (("10.0.0.1", "10.0.0.2"), 30)

    def test_a_type_that_is_not_managed_keeps_nothing_beside_others(self) -> None:
        obj = endpoint(entry("a.example.com", "MX", "1 b.c"), entry("a.example.com", "A", "10.0.0.1"))
        found = crd_endpoints(obj, SourceSettings()).endpoints
        assert [(one.type, one.is_unusable) for one in found] == [("A", False)]

    def test_but_alone_it_is_no_reason_to_give_up_what_the_name_has(self) -> None:
        found = crd_endpoints(endpoint(entry("a.example.com", "MX", "1 b.c")), SourceSettings()).endpoints
        assert [(one.type, one.is_unusable) for one in found] == [("", True)]


class TestValues:
    """Values of every type, as Route 53 wants them."""

    @pytest.mark.parametrize(
        ("kind", "text", "value"),
        [
            ("MX", "10 Mail.example.com.", "10 mail.example.com"),
            ("SRV", "0 50 443 www.example.com", "0 50 443 www.example.com."),
            ("SRV", "0 0 0 .", "0 0 0 ."),
            ("NS", "ns.example.com.", "ns.example.com"),
            ("PTR", "www.example.com", "www.example.com"),
            ("TLSA", f"3 1  1 {'D2AB' * 8} {'d2ab' * 8}", f"3 1 1 {'d2ab' * 16}"),
            ("TLSA", f"2 0 2 {'00' * 64}", f"2 0 2 {'00' * 64}"),
            ("TLSA", "0 0 0 30820122", "0 0 0 30820122"),
            ("TXT", "v=spf1 -all", '"v=spf1 -all"'),
            ("TXT", '"one" "two"', '"one" "two"'),
            ("TXT", 'say "hi"', '"say \\"hi\\""'),
            ("TXT", "x" * 256, f'"{"x" * 255}" "x"'),
            ("NAPTR", '10 20 "S" "SIP+D2U" "" _sip.example.com.', '10 20 "S" "SIP+D2U" "" _sip.example.com.'),
        ],
    )
    def test_are_spelled(self, kind: str, text: str, value: str) -> None:
        assert parse_value(kind, text) == value

    @pytest.mark.parametrize(
        ("kind", "text"),
        [
            ("A", "::1"),
            ("AAAA", "10.0.0.1"),
            ("MX", "mail.example.com"),
            ("MX", "70000 mail.example.com"),
            ("SRV", "0 50 www.example.com"),
            ("TXT", '"never closed'),
            ("NAPTR", "10 20 S SIP+D2U x _sip.example.com."),
            ("CNAME", "a b"),
            ("TLSA", "3 1 1"),
            ("TLSA", f"3 1 256 {'d2ab' * 16}"),
            ("TLSA", f"3 1 1 {'d2ab' * 15}"),
            ("TLSA", f"3 1 2 {'d2ab' * 16}"),
            ("TLSA", "0 0 0 308"),
            ("TLSA", "0 0 0 3x"),
            ("CNAME", "192.0.2.300"),
            ("MX", "10 192.0.2.1"),
        ],
    )
    def test_are_refused(self, kind: str, text: str) -> None:
        with pytest.raises(InvalidValue):
            parse_value(kind, text)
