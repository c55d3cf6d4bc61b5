"""Two dns daemons on two networks: the one that is cut off stops before the other begins."""

import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from tests.support.namespaces import Namespace, ip
from tests.support.processes import running
from tests.support.until import until

HOSTNAME = "external-dns.alpha.kubernetes.io/hostname"


class World:
    """One API server and one AWS, reached by each network at an address of its own."""

    def __init__(self, api: KubeApi, aws: AwsEndpoint) -> None:
        self.api = api
        self.aws = aws
        self.zone = aws.route53.create_zone("example.com")

    def create_service(self, name: str) -> None:
        metadata = {"name": name, "annotations": {HOSTNAME: f"{name}.example.com"}}
        spec = {"type": "LoadBalancer", "ports": [{"port": 80}]}
        status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
        body = {"metadata": metadata | {"namespace": "default"}, "spec": spec, "status": status}
        self.api.store.create("v1", "services", body)

    def has_record(self, name: str) -> bool:
        return any(
            record.name == f"{name}.example.com." for record in self.aws.route53.record_sets(self.zone)
        )


class Replica:
    """A daemon inside a namespace, where Kubernetes has an address of its own that can become a dead end."""

    def __init__(self, world: World, home: Namespace, folder: Path) -> None:
        self.home = home
        self.kube_address = home.outside.removesuffix(".1") + ".3"
        ip("addr", "add", f"{self.kube_address}/24", "dev", home.link)
        self._log = folder / f"{home.name}.log"
        self._kubeconfig = folder / f"{home.name}.kubeconfig"
        self._kubeconfig.write_text(world.api.kubeconfig().replace("0.0.0.0", self.kube_address))
        self._aws = world.aws.url.replace("0.0.0.0", home.outside)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        with self._log.open("wb") as output:
            command = (
                *self.home.command(sys.executable, "-m", "addons.dns"),
                *("--source=service", "--txt-owner-id=me", "--min-event-sync-interval=100ms"),
                *(f"--kubeconfig={self._kubeconfig}", f"--aws-endpoint-url={self._aws}"),
                "--listen=127.0.0.1:7979",
            )
            keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-central-1"}
            async with running(*command, env=os.environ | keys, stdout=output, stderr=output):
                yield

    def cut_off_from_kubernetes(self) -> None:
        """Let packets to the API server vanish; AWS can still be reached."""
        ip("-n", self.home.name, "route", "add", "blackhole", f"{self.kube_address}/32")

    def mend(self) -> None:
        ip("-n", self.home.name, "route", "del", "blackhole", f"{self.kube_address}/32")

    def when(self, pattern: str) -> list[str]:
        """The times of the messages that match, as sortable texts."""
        lines: list[dict[str, Any]] = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [line["time"] for line in lines if re.search(pattern, line["message"])]


@pytest.mark.timeout(150)
async def test_who_is_cut_off_stops_before_the_other_begins_and_does_not_interfere_later(
    new_namespace: Callable[[], Namespace], tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        api, aws = KubeApi(), AwsEndpoint()
        await api.start("0.0.0.0", 0)
        stack.push_async_callback(api.stop)
        await aws.start("0.0.0.0", 0)
        stack.push_async_callback(aws.stop)
        world = World(api, aws)
        first, second = (Replica(world, new_namespace(), tmp_path) for _ in range(2))

        await stack.enter_async_context(first.running())
        world.create_service("before")
        await until(lambda: world.has_record("before"))
        await stack.enter_async_context(second.running())

        first.cut_off_from_kubernetes()
        await until(lambda: bool(second.when("lease .* taken")))
        world.create_service("during")
        await until(lambda: world.has_record("during"))
        assert first.when("lease .* lost")[-1] < second.when("lease .* taken")[0]

        first.mend()
        world.create_service("after")
        await until(lambda: world.has_record("after"))
        assert len(first.when("lease .* taken")) == 1
        assert not second.when("lease .* lost")
