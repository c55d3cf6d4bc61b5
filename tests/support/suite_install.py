"""How the suite is installed: by the real `helm` binary, with the values that docs/install.md tells."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from typing import Any

import pytest
import yaml

from addons.cni.names import POD_IP
from addons.iamproxy.names import ROLE
from tests.support import oci_image
from tests.support.charts import APPLICATIONS, CHARTS, ROOT, Values
from tests.support.cluster import SCRIPTS
from tests.support.fabric_nodes import FAR
from tests.support.nodes import Node
from tests.support.processes import Ended, run
from tests.support.suite import CLUSTER, ZONE, SuiteWorld
from tests.support.suite_flows import Flows

NAMESPACE = "kube-system"
RELEASE = "addons"
ROLES = ("dns", "albingress", "autoscaler")
"""Roles of our own daemons, which iamproxy gives them."""

WORKLOADS = (
    "daemonset/addons-cni",
    "daemonset/addons-iamproxy",
    "deployment/addons-cni-webhook",
    "deployment/addons-dns",
    "deployment/addons-albingress",
    "deployment/addons-albingress-webhook",
    "deployment/addons-autoscaler",
)
SOON = {"auditInterval": "5s", "ipCooldownPeriod": 5, "headroom": 2}
"""Settings of cni by which its small world is worked through in seconds."""

_OURS = (f"--namespace={NAMESPACE}", "--selector=app.kubernetes.io/part-of=aws-addons")
_BASE = "arn:aws:iam::123456789012:role/pods/"
_TAGS = f"k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/{CLUSTER}"


def require_helm() -> str:
    """The path of the real Helm, built where it is missing; without Go: skip, or fail where CI=true."""
    link = ROOT / ".cache" / "helm"
    if not link.exists():
        built = subprocess.run([SCRIPTS / "helm", link], check=False)
        if built.returncode:
            leave_out = pytest.fail if os.environ.get("CI") else pytest.skip
            leave_out("no real Helm; tests/kube/helm builds one, which needs Go")
    return str(link)


def values(world: SuiteWorld) -> Values:
    """What is said of the suite: what a user says, where the simulated AWS is, and which image."""
    said: dict[str, Values] = {
        "cni": {"config": SOON},
        "iamproxy": {
            "cni": {"enabled": True},
            "config": {"baseRoleArn": _BASE, "adminNetworks": [f"{FAR}/32"]},
        },
        "dns": {"config": {"txtOwnerId": CLUSTER, "domainFilter": [ZONE], "policy": "sync"}},
        "albingress": {"config": {"awsVpcId": world.vpc.vpc.id}},
        "autoscaler": {"config": {"nodeGroupAutoDiscovery": [f"asg:tag={_TAGS}"]}},
    }
    for name, given in said.items():
        given["enabled"] = True
        if name in ROLES:
            given["podAnnotations"] = {ROLE: name}
    assert said["dns"]["podAnnotations"] == _written("values of dns beside iamproxy")["podAnnotations"]
    shared = {"clusterName": CLUSTER, "region": "eu-central-1", "awsEndpointUrl": world.url}
    return {name: given | oci_image.values() for name, given in said.items()} | {"global": shared}


def _written(what: str) -> Values:
    """Values that docs/install.md has."""
    page = (ROOT / "docs" / "install.md").read_text()
    found = re.search(rf"<!-- tested: {what} -->\n```yaml\n(.*?)```", page, re.DOTALL)
    assert found, what
    values: Values = yaml.safe_load(found[1])
    return values


class Suite:
    """The release `addons` of the umbrella chart, in `kube-system`."""

    flows: Flows

    def __init__(self, world: SuiteWorld) -> None:
        self.world = world
        self.binary = require_helm()
        self._folder = world.folder / "helm"
        self._charts = world.folder / "charts"
        self._values = values(world)

    async def helm(self, *arguments: str) -> Ended:
        """Run Helm, which must succeed."""
        kubeconfig = f"--kubeconfig={self.world.site.cluster.kubeconfig}"
        home = {f"HELM_{each}_HOME": str(self._folder) for each in ("CACHE", "CONFIG", "DATA")}
        command = (self.binary, *arguments, f"--namespace={NAMESPACE}", kubeconfig)
        done = await run(*command, env={**os.environ, **home}, seconds=200)
        assert done.code == 0, done
        return done

    async def install(self) -> None:
        """Install all, and wait for nothing; the namespace of the release is permitted its roles."""
        for role in ROLES:
            self.world.aws.sts.create_role(f"pods/{role}")
        allowed = f"iam.amazonaws.com/allowed-roles={json.dumps(ROLES)}"
        await self.world.kubectl.ok("annotate", "namespace", NAMESPACE, allowed, "--overwrite")
        shutil.copytree(CHARTS, self._charts, symlinks=True)
        self._folder.mkdir()
        await self.helm("dependency", "update", str(self._charts / RELEASE))
        await self._apply("install")

    async def upgrade(self, **config: object) -> None:
        """Upgrade all of it, with changed settings that all daemons have."""
        for name in APPLICATIONS:
            self._values[name]["config"] = {**self._values[name]["config"], **config}
        await self._apply("upgrade")

    async def _apply(self, action: str) -> None:
        file = self._folder / "values.json"
        file.write_text(json.dumps(self._values))
        await self.helm(action, RELEASE, str(self._charts / RELEASE), f"--values={file}")

    async def log(self, name: str) -> str:
        """What the pods of a daemon have written."""
        select = ("--selector", f"app.kubernetes.io/name={name}", "--tail=-1")
        return await self.world.kubectl.ok("logs", f"--namespace={NAMESPACE}", *select)

    async def warnings(self, reason: str) -> str:
        """The messages of all Events of a reason that are about pods of the suite."""
        select = f"--field-selector=reason={reason}"
        told = ("get", "events", f"--namespace={NAMESPACE}", select, "-o", "jsonpath={.items[*].message}")
        return await self.world.kubectl.ok(*told)

    async def uninstall(self) -> str:
        """Uninstall all; what Helm says."""
        return (await self.helm("uninstall", RELEASE, "--timeout=120s")).out

    async def ready(self, workloads: Iterable[str] = WORKLOADS) -> None:
        """Wait until all pods of the suite are ready, and as the charts have them now."""
        for workload in workloads:
            await self.world.kubectl.ok(
                "rollout", "status", workload, f"--namespace={NAMESPACE}", "--timeout=150s"
            )

    async def pods(self) -> list[str]:
        """The pods of the suite, by name."""
        found = await self.world.kubectl.ok("get", "pods", *_OURS, "-o", "name")
        return found.split()

    async def gone(self, pods: Iterable[str]) -> None:
        """Wait until pods of the suite are no more."""
        if names := list(pods):
            where = f"--namespace={NAMESPACE}"
            await self.world.kubectl.ok("wait", "--for=delete", *names, where, "--timeout=90s")

    async def room(self) -> int:
        """For how many pods the scheduler knows addresses, those that have one not counted."""
        kubectl = self.world.kubectl
        nodes, pods = (await kubectl.json("nodes"))["items"], (await kubectl.json("pods", "-A"))["items"]
        told = sum(int(each["status"]["allocatable"].get(POD_IP, 0)) for each in nodes)
        placed = [each for each in pods if each["spec"].get("nodeName")]
        limits = [one["resources"].get("limits", {}) for each in placed for one in each["spec"]["containers"]]
        return told - sum(int(each.get(POD_IP, 0)) for each in limits)

    async def kill(self, name: str, node: Node) -> None:
        """Kill a daemon on a node as the kernel does that is out of memory."""
        select = f"--selector=app.kubernetes.io/name={name}"
        pods = (await self.world.kubectl.json("pods", f"--namespace={NAMESPACE}", select))["items"]
        (status,) = (
            each["status"]["containerStatuses"][0] for each in pods if each["spec"]["nodeName"] == node.name
        )
        socket = self.world.site.cluster.folder / "nodes" / node.name / "containerd.sock"
        id_ = status["containerID"].rpartition("/")[2]
        done = await run("ctr", "-a", socket, "-n", "k8s.io", "task", "kill", "--signal=SIGKILL", id_)
        assert done.code == 0, done

    async def left_over(self) -> list[str]:
        """What there is in the cluster that has the name of a release, or a part of it."""
        kinds = ",".join(
            (
                *("clusterroles", "clusterrolebindings", "roles", "rolebindings", "serviceaccounts"),
                *("configmaps", "secrets", "leases", "services", "deployments", "daemonsets", "jobs", "pods"),
                *("poddisruptionbudgets", "networkpolicies", "ingressclasses", "customresourcedefinitions"),
                *("mutatingwebhookconfigurations", "validatingadmissionpolicies"),
                "validatingadmissionpolicybindings",
            )
        )
        found = await self.world.kubectl.ok("get", kinds, f"--namespace={NAMESPACE}", "-o", "name")
        marks = (RELEASE, *APPLICATIONS, "eniconfig", "elbv2")
        return sorted(
            each for each in found.split() if "/system:" not in each and any(mark in each for mark in marks)
        )


async def log_of(world: SuiteWorld) -> str:
    """What all pods of the suite have written last, for who looks for a fault."""
    told: list[Any] = []
    selector = "--selector=app.kubernetes.io/part-of=aws-addons"
    told += await world.kubectl.run("get", "pods", "-A", "-o", "wide")
    told += await world.kubectl.run("get", "events", "-A", "--field-selector=type=Warning")
    told += await world.kubectl.run(
        "logs", f"--namespace={NAMESPACE}", selector, "--tail=40", "--prefix", "--max-log-requests=40"
    )
    return "\n".join(map(str, told))
