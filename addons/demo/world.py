"""The simulated world: a Kubernetes API, AWS and a name server on loopback, in this process."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from addons.sim.nameserver import NameServer

REGION = "eu-central-1"
ZONE = "example.com"


@dataclass(frozen=True)
class World:
    """Where everything listens. `folder` is private to the demo and goes with it.

    `api` is the emulator, None where a real cluster takes its place.
    """

    folder: Path
    kubeconfig: Path
    api: KubeApi | None
    aws: AwsEndpoint
    names: NameServer
    zone_id: str

    def environment(self) -> dict[str, str]:
        """Give what an AWS SDK needs to talk to the simulated AWS and to nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "demo",
            "AWS_SECRET_ACCESS_KEY": "demo",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def directions(self) -> str:
        """Say in shell words how a client reaches it."""
        host, port = self.names.address
        exports = {"KUBECONFIG": str(self.kubeconfig), **self.environment()}
        lines = [f"export {name}={value}" for name, value in exports.items()]
        return "\n".join(
            [
                f"# Kubernetes, AWS and a DNS server for the public zone {ZONE} ({self.zone_id}):",
                *lines,
                "kubectl get services,ingresses,pods -A",
                "kubectl apply --validate=false -f FILE    # a newer kubectl needs no flag",
                f"dig @{host} -p {port} anything.{ZONE}",
            ]
        )


@asynccontextmanager
async def simulated_world(kubeconfig: Path | None, *, has_rights: bool = False) -> AsyncIterator[World]:
    """Start it, and end it with the context; `kubeconfig` puts a real cluster in the emulator's place.

    With `has_rights` the emulator speaks TLS, and everybody needs rights, as in a real cluster.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="addons-demo-")))
        aws = AwsEndpoint()
        await aws.start("127.0.0.1", 0)
        stack.push_async_callback(aws.stop)
        zone_id = aws.route53.create_zone(ZONE)
        names = NameServer(aws.route53.zones)
        await names.start("127.0.0.1", 0)
        stack.push_async_callback(names.stop)
        api = None
        if kubeconfig is None:
            kubeconfig = folder / "kubeconfig"
            made = KubeApi(tls=True, tokens={}, rbac=True) if has_rights else KubeApi()
            api = await stack.enter_async_context(made)
            kubeconfig.write_text(api.kubeconfig())
        yield World(folder, kubeconfig, api, aws, names, zone_id)
