"""A Service becomes records in one direction: each file hands on to the next, and none is asked back."""

import pytest

from addons.dns.controller.endpoint_index import EndpointIndex
from addons.dns.desired.settings import SourceSettings
from addons.dns.desired.source_service import service_endpoints
from addons.dns.model.objects import (
    ExposedStatus,
    LoadBalancerIngress,
    LoadBalancerStatus,
    Pod,
    Service,
    ServiceSpec,
)
from addons.dns.model.records import ZoneRecords
from addons.dns.model.zones import ZoneFinder
from addons.dns.plan.batches import API_LIMITS, pack, refuse_oversized
from addons.dns.plan.guard import DeleteLimits, guard
from addons.dns.plan.records import Rules
from addons.dns.plan.zone import plan_zone
from addons.runtime.objects import ObjectMeta
from tests.support.dns import REGISTRY, ZONE
from tests.support.dns_pods import PREFIX, pod, slices
from tests.support.file_calls import FileCalls

FILES, CALLS = 23, 50
"""At most so many files, and calls from file to file, for the plainest Service."""

METADATA = ObjectMeta(name="www", namespace="web", annotations={PREFIX + "hostname": "www.example.com"})


def load_balancer(**way_in: str) -> Service:
    status = ExposedStatus(load_balancer=LoadBalancerStatus(ingress=(LoadBalancerIngress(**way_in),)))
    return Service(metadata=METADATA, spec=ServiceSpec(type="LoadBalancer"), status=status)


HEADLESS = Service(metadata=METADATA, spec=ServiceSpec(type="ClusterIP", cluster_ip="None"))


def recorded(service: Service, *pods: Pod) -> FileCalls:
    """The way from the object to the records, as the controller goes it."""
    zone, index = ZoneRecords(), EndpointIndex()
    index.set_zones(ZoneFinder([ZONE]))
    by_name = {found.metadata.name: found for found in pods}
    listed, settings, rules = slices(*pods), SourceSettings(), Rules(REGISTRY, "sync", {})
    calls = FileCalls("addons/dns")
    with calls.recorded():
        index.put(("Service", "web", "www"), service_endpoints(service, listed, [], settings, by_name))
        plan = plan_zone(ZONE, index.take_changed(ZONE.id), index.in_zone(ZONE.id), zone, rules)
        plan = guard(plan, zone, registry=REGISTRY, limits=DeleteLimits())
        for batch in pack(ZONE.id, refuse_oversized(plan, API_LIMITS).groups, API_LIMITS):
            zone.apply(batch.changes)
    assert len(zone) >= 2
    return calls


@pytest.mark.parametrize(
    ("service", "pods"),
    [
        (load_balancer(ip="192.0.2.1"), ()),
        (load_balancer(hostname="lb.example.net"), ()),
        (load_balancer(hostname="web-1.eu-central-1.elb.amazonaws.com"), ()),
        (HEADLESS, (pod("www-0", "10.0.0.1"), pod("www-1", "10.0.0.2"))),
    ],
    ids=["addresses", "host name", "alias", "pods"],
)
def test_no_two_files_call_each_other(service: Service, pods: tuple[Pod, ...]) -> None:
    assert recorded(service, *pods).pairs == []


def test_the_way_is_short() -> None:
    calls = recorded(load_balancer(ip="192.0.2.1"))
    assert len(calls.files) <= FILES
    assert calls.total <= CALLS
