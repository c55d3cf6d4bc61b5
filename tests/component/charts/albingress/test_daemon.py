"""The daemon as the albingress chart starts it: with exactly the rights it needs, there and in AWS."""

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support.alb_targets import DISCOVERY, PARAMS, endpoint, node, pod, service, slice_of
from tests.support.alb_world import World, ingress
from tests.support.aws import SESSION, rights_used
from tests.support.charts import CHARTS, Object, Values
from tests.support.helm import NAMESPACE, Use, cluster, granted, granted_to, used
from tests.support.kubelet import running

POLICY = json.loads((CHARTS / "albingress/files/iam-policy.json").read_text())
SECRETS: Values = {"secrets": {"names": {"default": ["login"]}}}
DENIED: dict[str, Any] = {"code": "AccessDenied", "message": "no", "status": 403, "times": None}


class Site(World):
    """A cluster with Ingresses of every kind of backend, on an API server that cannot stream lists."""

    def __init__(self, api: KubeApi, aws: AwsEndpoint, folder: Path) -> None:
        super().__init__(api, aws, folder)
        for resource in ("ingresses", "services", "endpointslices", "pods", "targetgroupbindings", "secrets"):
            api.faults.add(Fault(verb="watch", resource=resource, times=1, status=422))
        for resource in ("ingressclasses", "ingressclassparams", "nodes", "namespaces"):
            api.faults.add(Fault(verb="watch", resource=resource, times=1, status=422))

    def deployment(self) -> Object:
        """The Deployment as the API server holds it."""
        found: Object = self.api.store.get("apps/v1", "deployments", NAMESPACE, "aws-albingress")
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

    def settings(self, **config: Any) -> Values:
        """Values for a daemon of this VPC that listens at a free port."""
        return {
            "port": free_port(),
            "ingressClass": {"create": False},
            "config": {"awsVpcId": self.vpc_id, **config},
        }

    theirs = ""
    """The ARN of a target group that a user made."""

    def uses(self, verb: str, resource: str) -> bool:
        """Whether the daemon has made use of a right."""
        return (verb, resource) in {(use[0], use[2]) for use in used(self.api, "aws-albingress")}

    async def ask_for_everything(self) -> None:
        """Ingresses with a login, a pod that waits for its target, and a target group of a user's."""
        oidc = {
            "issuer": "https://idp.test",
            "authorizationEndpoint": "https://idp.test/a",
            "tokenEndpoint": "https://idp.test/t",
            "userInfoEndpoint": "https://idp.test/u",
            "secretName": "login",
        }
        certificate = self.aws.acm.issue("web.example.com")
        made = await asyncio.to_thread(
            partial(
                SESSION.client("elbv2", endpoint_url=self.aws.url).create_target_group,
                Name="theirs",
                Protocol="HTTP",
                Port=80,
                VpcId=self.vpc_id,
                TargetType="ip",
            )
        )
        self.theirs = made["TargetGroups"][0]["TargetGroupArn"]
        self.create(service("web"))
        self.create(node("n1", "i-0123"), kind="nodes")
        self.create(pod("web-0", "192.168.0.1"), kind="pods")
        self.create(slice_of("192.168.0.1"), kind="endpointslices", version=DISCOVERY)
        self.create(
            {"metadata": {"name": "login"}, "data": {"clientID": "aQ==", "clientSecret": "cw=="}},
            kind="secrets",
        )
        self.ingresses(
            ingress(
                "web",
                "/web=web",
                host="web.example.com",
                auth_type="oidc",
                auth_idp_oidc=json.dumps(oidc),
                listen_ports='[{"HTTPS": 443}]',
                load_balancer_attributes="idle_timeout.timeout_seconds=30",
                certificate_arn=certificate.arn,
            ),
            ingress("bad", "/bad=gone"),
        )
        binding = {
            "metadata": {"name": "mine", "namespace": "default"},
            "spec": {
                "targetGroupName": "theirs",
                "targetType": "ip",
                "serviceRef": {"name": "web", "port": 80},
            },
        }
        self.create(binding, kind="targetgroupbindings", version=PARAMS)

    def gate(self) -> None:
        """Have the pod wait for its target."""
        group = next(each.name for each in self.elb.target_groups.values() if each.name != "theirs")
        self.create(pod("web-1", "192.168.0.2", group), kind="pods")
        more = slice_of(endpoint("192.168.0.2", "web-1", ready=False), name="b")
        self.create(more, kind="endpointslices", version=DISCOVERY)


def is_read(use: Use) -> bool:
    """Whether a right is one to read what is cached."""
    return use[0] in ("list", "watch")


@pytest.mark.parametrize("namespace", ["", "default"])
async def test_it_does_its_work_with_exactly_the_rights_that_the_chart_gives(
    namespace: str, tmp_path: Path
) -> None:
    async with AwsEndpoint() as aws, cluster("albingress") as (api, release):
        site = Site(api, aws, tmp_path)
        await release.install(site.settings(watchNamespace=namespace), SECRETS)
        await site.ask_for_everything()
        (tmp_path / "pod").mkdir()
        async with running(api, site.deployment(), tmp_path / "pod", site.environment()) as daemon:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                await daemon.succeed(probe)
            await daemon.reach(lambda: bool(site.hostname("web")), "the Ingress is served")
            await daemon.reach(lambda: len(site.elb.target_group(site.theirs).targets) == 1, "the binding is")
            site.gate()
            await daemon.reach(lambda: site.uses("patch", "pods/status"), "the gate is answered")
            site.ingresses(
                ingress("web", "/other=web", load_balancer_attributes="idle_timeout.timeout_seconds=60")
            )
            await daemon.reach(lambda: "/other|/other/*" in site.rules(), "the Ingress is served as changed")
            site.ingresses(ingress("bad", "/bad=gone", group__order="2"))
            site.delete("web", "bad")
            await daemon.reach(lambda: not site.ingress("web") and not site.ingress("bad"), "both are gone")
            await daemon.reach(lambda: site.uses("patch", "events"), "an Event is counted twice")
            assert await daemon.stop() == 0, daemon.log()
        assert used(api, "aws-albingress") == granted_to(api, "aws-albingress")
        actions = {action for statement in POLICY["Statement"] for action in statement["Action"]}
        assert rights_used(aws) <= actions


async def test_a_dry_run_needs_only_what_it_may_read(tmp_path: Path) -> None:
    async with AwsEndpoint() as aws, cluster("albingress") as (api, release):
        site = Site(api, aws, tmp_path)
        await release.install(site.settings(dryRun=True), SECRETS, {"uninstall": {"release": False}})
        await site.ask_for_everything()
        aws.calls.clear()
        (tmp_path / "pod").mkdir()
        async with running(api, site.deployment(), tmp_path / "pod", site.environment()) as daemon:
            await daemon.reach(lambda: "create load balancer" in daemon.log(), "the plan is printed")
            assert await daemon.stop() == 0, daemon.log()
        assert used(api, "aws-albingress") <= granted(api)
        assert {use for use in granted(api) if is_read(use)} <= used(api, "aws-albingress")
        assert site.changes() == []


async def test_a_right_that_aws_does_not_give_is_an_event_on_its_own_pod_and_on_who_waits(
    tmp_path: Path,
) -> None:
    async with AwsEndpoint() as aws, cluster("albingress") as (api, release):
        site = Site(api, aws, tmp_path)
        aws.faults.add(operation="DescribeLoadBalancers", **DENIED)
        await release.install(site.settings())
        site.create(service("web"))
        site.ingresses(ingress("web"))
        (tmp_path / "pod").mkdir()
        async with running(api, site.deployment(), tmp_path / "pod", site.environment()) as daemon:
            await daemon.reach(lambda: bool(events_of(api, "Pod")), "the Event on the pod")
            await daemon.reach(lambda: bool(site.notes("web")), "the Event on the Ingress")
            assert await daemon.probe("readinessProbe") in (200, 503)
            assert await daemon.stop() == 0, daemon.log()
    assert all("DescribeLoadBalancers" in event["note"] for event in events_of(api, "Pod"))


def events_of(api: KubeApi, kind: str) -> list[Object]:
    """The Events about objects of a kind."""
    found = api.store.list("events.k8s.io/v1", "events")
    return [event for event in found if event["regarding"]["kind"] == kind]
