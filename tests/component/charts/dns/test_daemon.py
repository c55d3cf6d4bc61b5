"""The daemon as the dns chart starts it: its arguments, files and probes, and exactly the rights it needs."""

import json
from pathlib import Path
from typing import Any

import pytest

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support.aws import rights_used
from tests.support.charts import CHARTS, Object, Values
from tests.support.helm import NAMESPACE, Use, cluster, granted, used
from tests.support.kubelet import Pod, running

HOSTNAME = "external-dns.alpha.kubernetes.io/hostname"
ZONE = "example.org"
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")

REPEAT: Use = ("patch", "events.k8s.io", "events")


class World:
    """A cluster, an AWS account with one zone, and two Services that ask for names in it.

    One of them is headless, so that pods matter.

    The API server is one that cannot stream lists: what a daemon needs there, it needs nowhere else more.
    """

    def __init__(self, api: KubeApi, aws: AwsEndpoint) -> None:
        self.api = api
        self.aws = aws
        self.zone = aws.route53.create_zone(ZONE)
        for resource in ("services", "endpointslices", "pods", "ingresses", "nodes"):
            self.api.faults.add(Fault(verb="watch", resource=resource, times=1, status=422))
        self.api.store.create("v1", "namespaces", {"metadata": {"name": "shop"}})
        self.api.store.create("v1", "services", balancer("shop", "web.example.org"))
        self.api.store.create("v1", "services", headless("shop", "db.example.org"))

    def rename(self, hostname: str) -> None:
        """Let the Service ask for another name."""
        service = self.api.store.get("v1", "services", "shop", "web")
        service["metadata"]["annotations"][HOSTNAME] = hostname
        self.api.store.update("v1", "services", service)

    def holds(self, name: str) -> bool:
        """Whether the zone has an address of that name."""
        records = self.aws.route53.record_sets(self.zone)
        return any(record.type == "A" and record.name.rstrip(".") == name for record in records)

    def deployment(self) -> Object:
        """The Deployment as the API server holds it."""
        found: Object = self.api.store.get("apps/v1", "deployments", NAMESPACE, "aws-dns")
        return found

    def environment(self) -> dict[str, str]:
        """What a pod gets by its IAM role, and where AWS is."""
        return {
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def used(self) -> set[Use]:
        """What the daemon has asked the API server for."""
        return used(self.api, "aws-dns")

    def granted(self) -> set[Use]:
        """What the roles of the release permit."""
        return granted(self.api)


def balancer(namespace: str, hostname: str) -> Object:
    """A Service with a load balancer."""
    return {
        "metadata": {"name": "web", "namespace": namespace, "annotations": {HOSTNAME: hostname}},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
    }


def headless(namespace: str, hostname: str) -> Object:
    """A Service that leads to its pods; it has none yet."""
    return {
        "metadata": {"name": "db", "namespace": namespace, "annotations": {HOSTNAME: hostname}},
        "spec": {"clusterIP": "None", "selector": {"app": "db"}, "ports": [{"port": 80}]},
    }


def settings(**config: Any) -> Values:
    """Values for a daemon that may delete, acts at once and listens at a free port."""
    return {
        "port": free_port(),
        "config": {"domainFilter": [ZONE], "policy": "sync", "minEventSyncInterval": "50ms", **config},
    }


async def rename(world: World, old: str, new: str, pod: Pod) -> None:
    """Let the Service ask for another name, and wait until it has that and no longer the old one."""
    world.rename(new)
    await pod.reach(lambda: world.holds(new), f"{new} exists")
    await pod.reach(lambda: not world.holds(old), f"{old} is gone")


@pytest.mark.parametrize("namespace", ["", "shop"])
async def test_it_does_its_work_with_exactly_the_rights_that_the_chart_gives(
    namespace: str, tmp_path: Path
) -> None:
    async with AwsEndpoint() as aws, cluster() as (api, release):
        world = World(api, aws)
        await release.install(settings(namespace=namespace))
        async with running(world.api, world.deployment(), tmp_path, world.environment()) as pod:
            for probe in PROBES:
                await pod.succeed(probe)
            await pod.reach(lambda: world.holds("web.example.org"), "the name of the Service exists")
            await rename(world, "web.example.org", "api.example.org", pod)
            await rename(world, "api.example.org", "web.example.org", pod)
            await pod.reach(
                lambda: REPEAT in world.used(), "the Event about web.example.org is counted twice"
            )
            assert await pod.stop() == 0, pod.log()
        assert world.used() == world.granted()
        policy = json.loads((CHARTS / "dns/files/iam-policy.json").read_text())
        actions = {action for statement in policy["Statement"] for action in statement["Action"]}
        assert rights_used(aws) == actions


async def test_a_dry_run_needs_only_what_it_may_read(tmp_path: Path) -> None:
    async with AwsEndpoint() as aws, cluster() as (api, release):
        world = World(api, aws)
        await release.install(settings(dryRun=True))
        async with running(world.api, world.deployment(), tmp_path, world.environment()) as pod:
            await pod.reach(lambda: '"web.example.org' in pod.log(), "the plan is printed")
            await pod.reach(lambda: world.granted() <= world.used(), "all that it may read is read")
            assert await pod.stop() == 0, pod.log()
        assert world.used() == world.granted()
        assert not world.holds("web.example.org")
        assert "ChangeResourceRecordSets" not in {call.operation for call in aws.calls}


async def test_flags_and_variables_win_over_the_settings_file(tmp_path: Path) -> None:
    hatches = {
        "extraArgs": ["--domain-filter=elsewhere.test"],
        "extraEnv": [{"name": "ADDONS_DNS_LOG_FORMAT", "value": "text"}],
    }
    async with AwsEndpoint() as aws, cluster() as (api, release):
        world = World(api, aws)
        await release.install(settings(), hatches)
        async with running(world.api, world.deployment(), tmp_path, world.environment()) as pod:
            await pod.succeed("readinessProbe")
            assert await pod.stop() == 0, pod.log()
        assert not world.holds("web.example.org")
        assert "{" not in pod.log()


async def test_pods_as_a_source_are_read_with_their_nodes_and_nothing_else(tmp_path: Path) -> None:
    pod = {
        "metadata": {"name": "db-0", "namespace": "shop", "annotations": {HOSTNAME: "db-0.example.org"}},
        "spec": {"containers": [{"name": "db", "image": "db"}], "nodeName": "one"},
        "status": {
            "phase": "Running",
            "podIPs": [{"ip": "10.0.0.1"}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
    async with AwsEndpoint() as aws, cluster() as (api, release):
        world = World(api, aws)
        api.store.create("v1", "pods", pod)
        await release.install(settings(source=["pod"]))
        async with running(world.api, world.deployment(), tmp_path, world.environment()) as running_pod:
            await running_pod.reach(lambda: world.holds("db-0.example.org"), "the name of the pod exists")
            assert await running_pod.stop() == 0, running_pod.log()
        reads = {use for use in world.granted() if use[0] in ("list", "watch")}
        assert {use for use in world.used() if use[0] in ("list", "watch")} == reads
        assert not world.holds("web.example.org")


async def test_custom_resources_nodes_and_routes_need_what_the_chart_gives(tmp_path: Path) -> None:
    record = {"dnsName": "mail.example.org", "recordType": "A", "targets": ["192.0.2.9"]}
    endpoint = {"metadata": {"name": "mail", "namespace": "shop"}, "spec": {"endpoints": [record]}}
    sources = ["crd", "node", "gateway-httproute", "gateway-grpcroute"]
    async with AwsEndpoint() as aws, cluster() as (api, release):
        world = World(api, aws)
        for kind in ("Gateway", "HTTPRoute", "GRPCRoute"):
            api.store.create("apiextensions.k8s.io/v1", "customresourcedefinitions", gateway_definition(kind))
        for resource in ("dnsendpoints", "gateways", "httproutes", "grpcroutes", "namespaces"):
            api.faults.add(Fault(verb="watch", resource=resource, times=1, status=422))
        api.store.create("externaldns.k8s.io/v1alpha1", "dnsendpoints", endpoint)
        await release.install(settings(source=sources), {"crds": {"install": True}})
        async with running(world.api, world.deployment(), tmp_path, world.environment()) as pod:
            await pod.reach(lambda: world.holds("mail.example.org"), "the name of the DNSEndpoint exists")
            await pod.succeed("readinessProbe")
            assert await pod.stop() == 0, pod.log()
        mine = {use for use in world.used() if use[1] not in ("events.k8s.io", "coordination.k8s.io")}
        given = {use for use in world.granted() if use[1] not in ("events.k8s.io", "coordination.k8s.io")}
        assert mine == given


def gateway_definition(kind: str) -> Object:
    """A definition of the Gateway API, as far as the emulator looks at it."""
    group, plural = "gateway.networking.k8s.io", f"{kind.lower()}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    return {
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"plural": plural, "kind": kind},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


async def test_a_right_that_aws_does_not_give_is_an_event_on_its_own_pod(tmp_path: Path) -> None:
    async with AwsEndpoint() as aws, cluster() as (api, release):
        world = World(api, aws)
        aws.faults.add(operation="ListHostedZones", code="AccessDenied", message="no", status=403, times=None)
        await release.install(settings(namespace="shop"))
        async with running(world.api, world.deployment(), tmp_path, world.environment()) as pod:
            await pod.reach(lambda: bool(events_of(api, "Pod")), "the Event")
            assert await pod.stop() == 0, pod.log()
    (event,) = events_of(api, "Pod")
    regarding = {key: event["regarding"][key] for key in ("namespace", "name", "uid")}
    assert regarding == {"namespace": NAMESPACE, "name": "aws-dns-0", "uid": "uid-of-the-pod"}
    assert (event["type"], event["reason"]) == ("Warning", "Degraded")
    assert event["note"] == "hosted zones: route53 ListHostedZones: no (AccessDenied)"
    assert {event["regarding"]["name"] for event in events_of(api, "Service")} == {"web"}


async def test_without_a_right_on_its_lease_it_is_not_ready_and_says_why(tmp_path: Path) -> None:
    async with AwsEndpoint() as aws, cluster() as (api, release):
        world = World(api, aws)
        await release.install(settings())
        api.faults.add(Fault(resource="leases", status=403))
        async with running(world.api, world.deployment(), tmp_path, world.environment()) as pod:
            await pod.reach(lambda: bool(events_of(api, "Pod")), "the Event")
            assert await pod.probe("readinessProbe") == 503
            api.faults.clear()
            await pod.succeed("readinessProbe")
            assert await pod.stop() == 0, pod.log()
    (event,) = events_of(api, "Pod")
    assert event["note"].startswith("lease kube-system/aws-dns: get leases.coordination.k8s.io")


def events_of(api: KubeApi, kind: str) -> list[Object]:
    """The Events about objects of a kind."""
    found = api.store.list("events.k8s.io/v1", "events")
    return [event for event in found if event["regarding"]["kind"] == kind]
