"""iamproxy on real nodes: installed by its chart, between the nodes' metadata service, pods and AWS."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3

from addons.iamproxy import names
from addons.sim.aws.server import AwsEndpoint
from addons.sim.imds import Imds, Instance, NodeCredentials
from addons.sim.net import METADATA
from tests.support.charts import Values, helm
from tests.support.helm import NAMESPACE, UNINSTALL_SECONDS, Release
from tests.support.image import image_of_this_machine
from tests.support.kubectl import Kubectl, require_kubectl
from tests.support.nodes import Node, Site
from tests.support.processes import output_of
from tests.support.until import until

ACCOUNT = "123456789012"
REGION = "eu-central-1"
ROLES = "/latest/meta-data/iam/security-credentials/"
IDLE = ("sleep", "1000")

_DAEMONS = ("--namespace", NAMESPACE, "--selector", "app.kubernetes.io/name=iamproxy")
_SHARED = Path("/run/aws-addons-iamproxy")
"""The folder on each node for what its daemons share; here both nodes have the same, and leave it empty."""

_SECONDS = 60


def asking(*paths: str) -> tuple[str, ...]:
    """The command of a container that asks for `paths` without end, and writes every answer to its log.

    Each is asked over a connection of its own. What is not answered in 5 s is complained of, as is every
    other failure, on a line that begins with "wget:".
    """
    urls = " ".join(f"http://{METADATA}{path}" for path in paths)
    ask = "timeout 5 wget -q -O - $url 2>&1 || echo 'wget: no answer'; echo"
    return ("sh", "-c", f"while :; do for url in {urls}; do {ask}; done; sleep 0.05; done")


@dataclass(frozen=True)
class Stage:
    """Real nodes, AWS, and a metadata service that shows canaries to whoever reaches it.

    The node's own role is one that AWS knows. `namespace` is for the pods of the test.
    """

    site: Site
    aws: AwsEndpoint
    imds: Imds
    kubectl: Kubectl
    namespace: str

    async def start(
        self,
        name: str,
        node: Node,
        *,
        role: str = "",
        account: str = "default",
        command: tuple[str, ...] = IDLE,
        host_network: bool = False,
        finalizers: tuple[str, ...] = (),
    ) -> None:
        """Have a pod started by the kubelet of a node."""
        container = {
            "name": "main",
            "image": "local/busybox:1",
            "imagePullPolicy": "Never",
            "command": list(command),
        }
        spec = {
            "nodeName": node.name,
            "hostNetwork": host_network,
            "serviceAccountName": account,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "containers": [container],
        }
        annotations = {names.ROLE: role} if role else {}
        metadata = {"name": name, "annotations": annotations, "finalizers": list(finalizers)}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        await self.kubectl.ok("create", "-f", "-", stdin=pod)

    async def run(self, name: str, node: Node, **options: Any) -> str:
        """Start a pod, and wait until it runs; its address."""
        await self.start(name, node, **options)
        return await self.ready(name)

    async def ready(self, name: str) -> str:
        """Wait until a pod runs; its address."""
        await self.kubectl.ok("wait", "--for=condition=Ready", f"pod/{name}", f"--timeout={_SECONDS}s")
        return await self.address(name)

    async def address(self, pod: str) -> str:
        """The address that a pod has, as the API server tells it."""
        return await self.kubectl.ok("get", "pod", pod, "-o", "jsonpath={.status.podIP}")

    async def ask(self, pod: str, path: str) -> str:
        """What wget in a pod prints when it asks the metadata address: the answer, or a complaint."""
        command = ("wget", "-q", "-O", "-", f"http://{METADATA}{path}")
        _, answer, complaint = await self.kubectl.run("exec", pod, "--", *command)
        return answer + complaint

    async def credentials(self, pod: str) -> dict[str, str]:
        """What a pod is given as credentials: it asks for its role's name, and then for that role."""
        role = await self.ask(pod, ROLES)
        given: dict[str, str] = json.loads(await self.ask(pod, ROLES + role))
        return given

    async def caller(self, credentials: Mapping[str, str]) -> str:
        """Whom STS takes somebody for who has these credentials: the ARN of a session."""
        session = boto3.Session(
            credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["Token"], REGION
        )

        def ask() -> str:
            with closing(session.client("sts", endpoint_url=self.aws.url)) as sts:
                return str(sts.get_caller_identity()["Arn"])

        return await asyncio.to_thread(ask)

    async def log(self, pod: str, expected: str = "") -> str:
        """What a pod has written so far, once it has the expected words."""
        return await self.told(expected, "logs", pod)

    async def events(self, pod: str, expected: str) -> str:
        """The messages of the Events on a pod, once one has the expected words."""
        select = ("--field-selector", f"involvedObject.name={pod}", "-o", "jsonpath={.items[*].message}")
        return await self.told(expected, "get", "events", *select)

    async def told(self, expected: str, *arguments: str) -> str:
        """Run kubectl until it prints the expected words; all that it printed then."""
        told = ""

        async def look() -> bool:
            nonlocal told
            told = await self.kubectl.ok(*arguments)
            return expected in told

        await until(look, f"{expected} in what {' '.join(arguments)} tells", seconds=_SECONDS)
        return told

    def networks(self) -> list[str]:
        """How each node's network is set up: its tables of rules, and the addresses of its loopback."""
        return [
            output_of(*node.inside.command("nft", "--stateless", "list", "ruleset"))
            + output_of(*node.inside.command("ip", "-oneline", "address", "show", "lo"))
            for node in self.site.nodes
        ]

    async def daemons(self) -> list[str]:
        """The names of the daemons' pods."""
        return (await self.kubectl.ok("get", "pods", *_DAEMONS, "-o", "name")).split()

    async def gone(self, daemons: list[str]) -> None:
        """Wait until these pods of daemons are no more."""
        await self.kubectl.ok(
            "wait", "--for=delete", *daemons, "--namespace", NAMESPACE, f"--timeout={_SECONDS}s"
        )

    async def daemon_log(self) -> str:
        """What the daemons of all nodes have written, but for the audit of each request."""
        lines = (await self.kubectl.ok("logs", *_DAEMONS, "--tail=-1", "--prefix")).splitlines()
        return "\n".join(line for line in lines if '"event"' not in line)

    def shows_the_node(self, text: str) -> bool:
        """Whether a text holds anything that only the node itself may see."""
        return any(canary in text for canary in self.imds.instance.canaries)

    def values(self, **config: object) -> Values:
        """What is said to install the chart: AWS is elsewhere, the image lies on the machine."""
        return {
            **image_of_this_machine(),
            "config": {
                "baseRoleArn": f"arn:aws:iam::{ACCOUNT}:role/",
                "awsEndpointUrl": self.aws.url,
                "awsRegion": REGION,
                **config,
            },
        }

    @asynccontextmanager
    async def installed(self, **config: object) -> AsyncIterator[Release]:
        """The chart as a release, whose pods are ready; it is uninstalled afterwards."""
        kubeconfig = str(self.site.cluster.kubeconfig)
        with helm.Config(kubeconfig_path=kubeconfig, namespace=NAMESPACE) as connection:
            release = Release(connection, "iamproxy")
            try:
                await release.install(self.values(**config))
                await self.rolled_out()
                yield release
            finally:
                print(await self.daemon_log())
                daemons = await self.daemons()
                await asyncio.to_thread(
                    connection.uninstall, "aws", ignore_not_found=True, timeout=UNINSTALL_SECONDS
                )
                await self.gone(daemons)
                with suppress(OSError):
                    _SHARED.rmdir()

    async def rolled_out(self) -> None:
        """Wait until the daemon of every node is ready, and as the chart has it now."""
        await self.kubectl.ok(
            "rollout", "status", "daemonset/aws-iamproxy", "--namespace", NAMESPACE, "--timeout=150s"
        )


@asynccontextmanager
async def staged(site: Site, *roles: str) -> AsyncIterator[Stage]:
    """Set the stage, with a namespace that permits the `roles`, which AWS knows."""
    async with AsyncExitStack() as stack:
        aws = AwsEndpoint()
        await aws.start(site.outside)
        stack.push_async_callback(aws.stop)
        for role in roles:
            aws.sts.create_role(role)
        imds = Imds(Instance(credentials=_node_credentials(aws)))
        await imds.start(site.hub.listener(METADATA, 80))
        stack.push_async_callback(imds.stop)
        namespace = f"t{uuid4().hex[:8]}"
        admin = (require_kubectl(), "--kubeconfig", str(site.cluster.kubeconfig))
        kubectl = Kubectl((*admin, "--namespace", namespace))
        await kubectl.ok("create", "-f", "-", stdin=_permitting(namespace, roles))
        stack.push_async_callback(kubectl.ok, "delete", "namespace", namespace, "--wait=false")
        yield Stage(site, aws, imds, kubectl, namespace)


def _permitting(namespace: str, roles: tuple[str, ...]) -> dict[str, Any]:
    """A namespace whose pods may have these roles."""
    annotations = {names.ALLOWED_ROLES: json.dumps(roles)}
    metadata = {"name": namespace, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _node_credentials(aws: AwsEndpoint) -> NodeCredentials:
    """Credentials of the node's role that AWS believes; it may assume the roles of its account."""
    session = aws.sts.open_session(aws.sts.create_role(Instance().role), Instance().instance_id)
    return NodeCredentials(session.access_key_id, session.secret_access_key, session.token)
