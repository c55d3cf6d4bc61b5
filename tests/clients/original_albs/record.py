"""Record what aws-load-balancer-controller makes of each situation; README.md says how."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from addons.sim.aws.faults import is_named
from addons.sim.aws.recording import record
from addons.sim.aws.server import AwsEndpoint
from addons.sim.ports import free_port
from tests.clients.original_albs.situations import SITUATIONS
from tests.clients.original_albs.stage import CLUSTER, Stage
from tests.support.cluster import find_assets
from tests.support.cluster import running as running_cluster
from tests.support.kubectl import Kubectl
from tests.support.processes import output_of, running

OUT = Path(__file__).resolve().parents[2] / "support" / "original_albs"
SERVICES = ("EC2", "Elastic Load Balancing v2", "ACM", "WAFV2", "Resource Groups Tagging API", "STS")
KINDS = (
    *("namespaces", "nodes", "ingressclasses", "ingressclassparams.elbv2.k8s.aws", "services", "pods"),
    *("endpointslices", "secrets", "ingresses", "targetgroupbindings.elbv2.k8s.aws"),
)
_QUIET_SECONDS, _MOST_SECONDS = 6.0, 120.0


def crd(kind: str, plural: str, *, scope: str = "Namespaced") -> dict[str, Any]:
    """Give a definition that permits everything."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1beta1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    spec = {"group": "elbv2.k8s.aws", "names": names, "scope": scope, "versions": [version]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.elbv2.k8s.aws"},
        "spec": spec,
    }


CRDS = (
    crd("TargetGroupBinding", "targetgroupbindings"),
    crd("IngressClassParams", "ingressclassparams", scope="Cluster"),
    crd("ALBTargetControlConfig", "albtargetcontrolconfigs"),
)


def flags(stage: Stage, kubeconfig: Path, certificates: Path) -> list[str]:
    """Give the flags of the original, but for where it is."""
    endpoints = ",".join(f"{service}={stage.aws.url}" for service in SERVICES)
    return [
        f"--kubeconfig={kubeconfig}",
        f"--cluster-name={CLUSTER}",
        "--aws-region=eu-central-1",
        f"--aws-vpc-id={stage.vpc.id}",
        f"--aws-api-endpoints={endpoints}",
        "--enable-shield=false",
        "--enable-waf=false",
        "--enable-leader-election=false",
        f"--webhook-cert-dir={certificates}",
        f"--webhook-bind-port={free_port()}",
        f"--metrics-bind-addr=127.0.0.1:{free_port()}",
        f"--health-probe-bind-addr=127.0.0.1:{free_port()}",
        "--feature-gates=NLBGatewayAPI=false,ALBGatewayAPI=false",
        "--log-level=debug",
    ]


async def situation(name: str, program: Path, folder: Path, assets: Path, log: Path) -> dict[str, Any]:
    """Play one situation; give what it left behind."""
    with running_cluster(folder / "cluster", assets) as cluster:
        kubectl = Kubectl((str(assets / "kubectl"), "--kubeconfig", str(cluster.kubeconfig)))
        async with AwsEndpoint() as aws:
            stage = Stage(aws, kubectl)
            await stage.apply(*CRDS)
            for each in CRDS:
                await kubectl.ok("wait", "--for=condition=Established", f"crd/{each['metadata']['name']}")
            await stage.build()
            beating = asyncio.create_task(_beat(stage))
            await SITUATIONS[name](stage)
            certificates = _make_certificates(folder)
            given = flags(stage, cluster.kubeconfig, certificates)
            with log.open("ab") as said:
                async with running(program, *given, env=_environment(), stdout=said, stderr=said) as process:
                    made = await _settle(aws, process, len(aws.calls))
                    await _check(kubectl)
                    second = await _look_again(stage, process)
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating
            return {
                "original": "v3.2.2 (93ff3b5fdaad)",
                "cluster": CLUSTER,
                "vpc": stage.vpc.id,
                "calls": made,
                "second_look": second,
                "objects": await _objects(kubectl),
                "account": record(aws),
            }


def _environment() -> dict[str, str]:
    credentials = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    return {**os.environ, **credentials, "AWS_EC2_METADATA_DISABLED": "true"}


def _make_certificates(folder: Path) -> Path:
    made = folder / "certificates"
    made.mkdir()
    files = ("-keyout", made / "tls.key", "-out", made / "tls.crt")
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    output_of("openssl", "req", "-x509", *kind, "-subj", "/CN=webhook", "-days", "1", *files)
    return made


async def _beat(stage: Stage) -> None:
    while True:
        await asyncio.sleep(10)
        await stage.beat()


async def _settle(aws: AwsEndpoint, process: asyncio.subprocess.Process, start: int) -> dict[str, int]:
    """Wait until no call has come for a while; count those that came after the first `start` of all."""
    loop = asyncio.get_running_loop()
    seen, since = start, loop.time()
    end = since + _MOST_SECONDS
    while loop.time() - since < _QUIET_SECONDS or seen == start:
        await asyncio.sleep(0.2)
        if process.returncode is not None or loop.time() > end:
            raise SystemExit(f"the original ended with {process.returncode}, or never came to rest")
        if len(aws.calls) > seen:
            seen, since = len(aws.calls), loop.time()
    refused = [call for call in aws.calls[start:] if call.error]
    if refused:
        print(f"refused: {Counter((call.operation, call.error) for call in refused)}", file=sys.stderr)
    return dict(sorted(Counter(call.operation for call in aws.calls[start:]).items()))


async def _check(kubectl: Kubectl) -> None:
    """Refuse what the original has not brought to an end."""
    for item in (await kubectl.json("ingress", "-A"))["items"]:
        if not item.get("status", {}).get("loadBalancer", {}).get("ingress"):
            raise SystemExit(f"{item['metadata']['name']} has no load balancer; see --log")


async def _look_again(stage: Stage, process: asyncio.subprocess.Process) -> dict[str, Any]:
    """Have the original look at every Ingress again, by a change that means nothing."""
    kubectl = stage.kubectl
    names = (await kubectl.ok("get", "ingress", "-A", "--no-headers")).splitlines()
    if not names:
        return {}
    for change in ("touched=1", "touched-"):
        start = len(stage.aws.calls)
        for where in (line.split()[:2] for line in names):
            await kubectl.ok("annotate", "ingress", "-n", *where, change)
        calls = await _settle(stage.aws, process, start)
    changes = {name: times for name, times in calls.items() if is_named(name, "changes")}
    return {"calls": sum(calls.values()), "changes": changes}


async def _objects(kubectl: Kubectl) -> list[Any]:
    found = await kubectl.json(",".join(KINDS), "-A")
    return [_plain(item) for item in found["items"] if not _is_of_the_cluster(item)]


def _is_of_the_cluster(item: dict[str, Any]) -> bool:
    about = item["metadata"]
    names = {about.get("namespace"), about["name"]}
    return bool(names & {"kube-system", "kube-public", "kube-node-lease", "default"})


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    about = item["metadata"]
    for name in ("managedFields", "resourceVersion", "generation", "creationTimestamp", "generateName"):
        about.pop(name, None)
    about.pop("annotations", None) if not about.get("annotations") else None
    return item


async def main() -> None:
    """Record all situations, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=Path, help="the original, made by ./build")
    parser.add_argument("names", nargs="*", default=list(SITUATIONS), help="which situations")
    parser.add_argument("--log", type=Path, default=Path(os.devnull), help="keep what the original says")
    asked = parser.parse_args()
    assets = find_assets()
    if assets is None:
        raise SystemExit("no kube-apiserver: run `make kube`")
    OUT.mkdir(exist_ok=True)
    for name in asked.names:
        with tempfile.TemporaryDirectory() as folder:
            found = await situation(name, asked.program.resolve(), Path(folder), assets.resolve(), asked.log)
        (OUT / f"{name}.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
        print(name, found["calls"], found["second_look"])


if __name__ == "__main__":
    asyncio.run(main())
