"""What the routes of Gateways ask for: the names that route and listener have in common."""

import msgspec
import pytest

from addons.dns.desired.go_template import parse_template
from addons.dns.desired.settings import SourceSettings
from addons.dns.desired.source_gateway import common_name, route_endpoints
from addons.dns.model.endpoint import Desired
from addons.dns.model.gateway import (
    AllowedRoutes,
    Gateway,
    GatewayAddress,
    GatewaySpec,
    GatewayStatus,
    GrpcRoute,
    HttpRoute,
    LabelSelector,
    LabelSelectorRequirement,
    Listener,
    ParentReference,
    Route,
    RouteKind,
    RouteNamespaces,
    RouteParent,
    RouteSpec,
    RouteStatus,
)
from addons.runtime.objects import Condition, ObjectMeta
from addons.runtime.selectors import parse_selector

PREFIX = "external-dns.kubernetes.io/"
EVERYWHERE = AllowedRoutes(RouteNamespaces("All"))
PARENT = ParentReference(name="edge", namespace="infra")


def listener(
    hostname: str = "",
    *,
    name: str = "web",
    port: int = 80,
    protocol: str = "HTTP",
    allowed: AllowedRoutes = EVERYWHERE,
) -> Listener:
    return Listener(name, hostname, port, protocol, allowed)


def gateway(
    *listeners: Listener,
    addresses: tuple[str, ...] = ("192.0.2.1",),
    labels: dict[str, str] | None = None,
    **said: str,
) -> Gateway:
    metadata = ObjectMeta(
        name="edge",
        namespace="infra",
        labels=labels or {},
        annotations={PREFIX + key: value for key, value in said.items()},
    )
    status = GatewayStatus(tuple(map(GatewayAddress, addresses)))
    return Gateway(metadata=metadata, spec=GatewaySpec(listeners or (listener(),)), status=status)


def route(
    *hostnames: str,
    parent: ParentReference = PARENT,
    accepted: str = "True",
    kind: type[Route] = HttpRoute,
    **said: str,
) -> Route:
    metadata = ObjectMeta(
        name="www",
        namespace="shop",
        annotations={PREFIX + key.replace("_", "-"): value for key, value in said.items()},
    )
    conditions = (Condition(type="Accepted", status=accepted),)
    return kind(
        metadata=metadata,
        spec=RouteSpec((parent,), hostnames),
        status=RouteStatus((RouteParent(parent, conditions),)),
    )


def endpoints(
    obj: Route, served: Gateway | None = None, labels: dict[str, str] | None = None, **settings: object
) -> Desired:
    edge = served or gateway()
    return route_endpoints(obj, {("infra", "edge"): edge}, labels or {}, SourceSettings(**settings))  # type: ignore[arg-type]


def wants(
    obj: Route, served: Gateway | None = None, labels: dict[str, str] | None = None, **settings: object
) -> dict[str, str]:
    """Every endpoint as `"a.example.com A": "192.0.2.1"`."""
    found = endpoints(obj, served, labels, **settings).endpoints
    return {f"{endpoint.name} {endpoint.type}".strip(): " ".join(endpoint.targets) for endpoint in found}


FOUND = {"a.example.com A": "192.0.2.1"}
WAITS = {"a.example.com": ""}
"""A name without targets: what it has is held for a while."""


class TestTargets:
    """Names lead to where the Gateway is reached."""

    def test_addresses_of_both_families(self) -> None:
        edge = gateway(addresses=("192.0.2.1", "2001:db8::1"))
        assert wants(route("a.example.com"), edge) == FOUND | {"a.example.com AAAA": "2001:db8::1"}

    def test_a_host_name(self) -> None:
        edge = gateway(addresses=("lb.example.net.",))
        assert wants(route("a.example.com"), edge) == {"a.example.com CNAME": "lb.example.net"}

    def test_the_annotation_of_the_gateway_comes_first(self) -> None:
        edge = gateway(target="198.51.100.1")
        assert wants(route("a.example.com"), edge) == {"a.example.com A": "198.51.100.1"}

    def test_until_it_has_any_the_name_is_claimed_without_targets(self) -> None:
        assert wants(route("a.example.com"), gateway(addresses=())) == {"a.example.com": ""}

    def test_annotations_of_the_route_say_how(self) -> None:
        found = endpoints(route("a.example.com", ttl="7", aws_weight="10", set_identifier="blue")).endpoints
        assert (found[0].ttl, found[0].set_identifier, found[0].routing) == (7, "blue", (("Weight", "10"),))


class TestAttachment:
    """Only what a Gateway has accepted has targets, and only listeners that take the route count."""

    @pytest.mark.parametrize("accepted", ["False", "Unknown"])
    def test_a_route_that_was_not_accepted_asks_without_targets(self, accepted: str) -> None:
        assert wants(route("a.example.com", accepted=accepted)) == {"a.example.com": ""}
        assert wants(route(accepted=accepted), gateway(listener("*.example.com"))) == {"*.example.com": ""}
        none = gateway(listener("b.example.com"))
        assert wants(route("a.example.com", accepted=accepted), none) == {"a.example.com": ""}

    def test_a_route_that_nobody_has_looked_at_asks_without_targets(self) -> None:
        new = msgspec.structs.replace(route("a.example.com"), status=RouteStatus())
        assert wants(new) == {"a.example.com": ""}

    def test_one_gateway_that_does_not_accept_costs_no_target_of_the_other(self) -> None:
        other = ParentReference(name="other", namespace="infra")
        both = msgspec.structs.replace(
            route("a.example.com"), spec=RouteSpec((PARENT, other), ("a.example.com",))
        )
        assert wants(both) == FOUND

    def test_a_parent_that_is_no_longer_wanted_does_not_count(self) -> None:
        old = route("a.example.com")
        left = HttpRoute(metadata=old.metadata, spec=RouteSpec((), ("a.example.com",)), status=old.status)
        assert wants(left) == {}

    def test_while_its_gateway_is_away_a_route_asks_without_targets(self) -> None:
        found = route_endpoints(route("a.example.com"), {}, {}, SourceSettings())
        assert [(endpoint.name, endpoint.targets) for endpoint in found.endpoints] == [("a.example.com", ())]
        assert found.unreadable is None

    def test_while_its_gateway_is_away_the_names_of_a_route_without_any_are_unknown(self) -> None:
        found = route_endpoints(route(), {}, {}, SourceSettings())
        assert found.endpoints == ()
        assert found.unreadable is not None
        assert found.unreadable.resource == "httproute/shop/www"

    @pytest.mark.parametrize("setting", [{"gateway_name": "other"}, {"gateway_namespace": "other"}])
    def test_a_gateway_that_the_settings_leave_out_is_not_waited_for(self, setting: dict[str, str]) -> None:
        obj = route("a.example.com")
        assert route_endpoints(obj, {}, {}, SourceSettings(**setting)) == Desired()  # type: ignore[arg-type]

    def test_a_target_of_the_gateway_that_cannot_be_read_leaves_the_name_as_it_is(self) -> None:
        found = endpoints(route("a.example.com"), gateway(target="192.0.2.1:80"))
        assert [(one.name, one.targets, one.is_unusable) for one in found.endpoints] == [
            ("a.example.com", (), True)
        ]
        assert [(str(one.ref), one.reason) for one in found.problems] == [
            ("gateway/infra/edge", "InvalidHostname")
        ]

    def test_a_service_as_parent_is_none_of_ours(self) -> None:
        mesh = ParentReference(name="edge", namespace="infra", kind="Service", group="")
        assert wants(route("a.example.com", parent=mesh)) == {}

    def test_a_section_means_one_listener(self) -> None:
        edge = gateway(listener("a.example.com"), listener("b.example.com", name="other", port=81))
        section = ParentReference(name="edge", namespace="infra", section_name="other")
        port = ParentReference(name="edge", namespace="infra", port=80)
        assert wants(route(parent=section), edge) == {"b.example.com A": "192.0.2.1"}
        assert wants(route(parent=port), edge) == FOUND

    def test_the_protocol_must_suit(self) -> None:
        assert wants(route("a.example.com"), gateway(listener(protocol="TCP"))) == WAITS
        assert wants(route("a.example.com"), gateway(listener(protocol="HTTPS"))) == FOUND

    def test_the_kind_must_be_allowed(self) -> None:
        only = AllowedRoutes(RouteNamespaces("All"), (RouteKind("GRPCRoute"),))
        assert wants(route("a.example.com"), gateway(listener(allowed=only))) == WAITS
        assert wants(route("a.example.com", kind=GrpcRoute), gateway(listener(allowed=only))) == FOUND

    def test_gateways_are_filtered_by_name_and_labels(self) -> None:
        edge = gateway(labels={"for": "web"})
        assert wants(route("a.example.com"), edge, gateway_name="other") == {}
        assert wants(route("a.example.com"), edge, gateways=parse_selector("for=mail")) == {}
        assert wants(route("a.example.com"), edge, gateways=parse_selector("for=web")) == FOUND


class TestNamespaces:
    """A listener chooses the namespaces whose routes it takes."""

    def takes(self, namespaces: RouteNamespaces, **labels: str) -> bool:
        edge = gateway(listener(allowed=AllowedRoutes(namespaces)))
        return wants(route("a.example.com"), edge, labels) == FOUND

    def test_its_own_by_default(self) -> None:
        assert not self.takes(RouteNamespaces())

    def test_all(self) -> None:
        assert self.takes(RouteNamespaces("All"))

    def test_none(self) -> None:
        assert not self.takes(RouteNamespaces("None"))

    def test_by_labels(self) -> None:
        wanted = RouteNamespaces("Selector", LabelSelector(match_labels={"team": "shop"}))
        assert self.takes(wanted, team="shop")
        assert not self.takes(wanted, team="mail")

    @pytest.mark.parametrize(
        ("requirement", "fits", "does_not"),
        [
            (LabelSelectorRequirement("team", "In", ("shop",)), {"team": "shop"}, {"team": "mail"}),
            (LabelSelectorRequirement("team", "NotIn", ("shop",)), {}, {"team": "shop"}),
            (LabelSelectorRequirement("team", "Exists"), {"team": ""}, {}),
            (LabelSelectorRequirement("team", "DoesNotExist"), {}, {"team": ""}),
        ],
    )
    def test_by_expressions(
        self, requirement: LabelSelectorRequirement, fits: dict[str, str], does_not: dict[str, str]
    ) -> None:
        wanted = RouteNamespaces("Selector", LabelSelector(match_expressions=(requirement,)))
        assert self.takes(wanted, **fits)
        assert not self.takes(wanted, **does_not)

    def test_an_operator_that_does_not_exist_fits_nothing(self) -> None:
        like = LabelSelectorRequirement("a", "Like")
        wanted = RouteNamespaces("Selector", LabelSelector(match_expressions=(like,)))
        assert not self.takes(wanted, a="b")


class TestHostNames:
    """The narrower of the two names, where one covers the other."""

    @pytest.mark.parametrize(
        ("one", "other", "common"),
        [
            ("", "a.example.com", "a.example.com"),
            ("a.example.com", "a.example.com", "a.example.com"),
            ("*.example.com", "a.b.example.com", "a.b.example.com"),
            ("*.example.com", "*.a.example.com", "*.a.example.com"),
            ("*.example.com", "example.com", ""),
            ("*.example.com", "a.example.net", ""),
            ("a.example.com", "b.example.com", ""),
        ],
    )
    def test_in_common(self, one: str, other: str, common: str) -> None:
        assert (common_name(one, other), common_name(other, one)) == (common, common)

    def test_a_route_without_names_has_those_of_the_listeners(self) -> None:
        assert wants(route(), gateway(listener("*.example.com"))) == {"*.example.com A": "192.0.2.1"}

    def test_without_any_on_both_sides_there_is_none(self) -> None:
        assert wants(route()) == {}

    def test_the_annotation_adds_names(self) -> None:
        found = wants(route("a.example.com", hostname="b.example.com"))
        assert sorted(found) == ["a.example.com A", "b.example.com A"]

    def test_an_annotation_chooses_their_source(self) -> None:
        only = route("a.example.com", gateway_hostname_source="annotation-only", hostname="b.example.com")
        assert list(wants(only)) == ["b.example.com A"]
        defined = route(
            "a.example.com", gateway_hostname_source="defined-hosts-only", hostname="b.example.com"
        )
        assert wants(defined) == FOUND

    def test_a_source_that_does_not_exist_is_told(self) -> None:
        found = endpoints(route("a.example.com", gateway_hostname_source="x"))
        assert [problem.reason for problem in found.problems] == ["InvalidAnnotation"]
        assert [endpoint.is_unusable for endpoint in found.endpoints] == [True]

    def test_the_template_names_a_route_that_names_itself_nothing(self) -> None:
        template = parse_template("{{.Name}}.{{.Kind | toLower}}.example.com")
        assert list(wants(route(), template=template)) == ["www.httproute.example.com A"]

    def test_a_bad_name_costs_itself(self) -> None:
        found = endpoints(route("a..b", "a.example.com"))
        assert [problem.reason for problem in found.problems] == ["InvalidHostname"]
        assert [endpoint.name for endpoint in found.endpoints] == ["a.example.com"]

    def test_a_listener_with_a_bad_name_serves_nothing(self) -> None:
        assert wants(route("a.example.com"), gateway(listener("a..b"))) == WAITS

    def test_nor_does_it_take_the_names_of_a_route_without_any(self) -> None:
        found = endpoints(route(), gateway(listener("a..b")))
        assert [(str(one.ref), one.reason) for one in found.problems] == [
            ("gateway/infra/edge", "InvalidHostname")
        ]
        assert found.unreadable

    def test_a_name_that_no_listener_serves_any_more_has_no_target(self) -> None:
        assert wants(route("a.example.com"), gateway(listener("*.example.net"))) == WAITS
        both = gateway(listener("*.example.net"), listener("a.example.com", name="own"))
        assert wants(route("a.example.com"), both) == FOUND
