"""The charts of all five daemons, installed by the real Helm as a library."""

import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from addons.demo.groups import DISCOVERED
from addons.demo.reach import in_thread
from addons.demo.script import LeftOut
from addons.demo.world import REGION, ZONE
from addons.sim.aws.sts.state import ACCOUNT

Values = dict[str, Any]
NAMESPACE = "kube-system"
REPOSITORY = "docker.io/local/addons"
"""That of the image of the daemons."""
CLUSTER = "demo"
OWNER = "demo"
BASE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/"
REST_SECONDS = 5
"""For so long the address of a pod that is gone rests; 30 are the default."""
_CACHE = "KUBECACHEDIR"
_CHARTS = Path(__file__).parents[3] / "charts"


def keep_no_cache(command: Sequence[str]) -> None:
    """Become `command` with a Helm that keeps nothing about API servers, unless this is done or somebody has
    said where.

    It would keep megabytes in the home of who plays, about servers that are gone with their worlds. Go reads
    the environment that a process was started with: so this one starts anew.
    """
    if _CACHE not in os.environ:
        os.environ[_CACHE] = os.devnull
        os.execv(command[0], list(command))


def helm() -> ModuleType:
    """Give Helm. Raises LeftOut where it cannot be had."""
    try:
        module = import_module("helm_python")
    except ImportError as error:
        where = f"{platform.system()} on {platform.machine()}"
        raise LeftOut(f"it needs Helm, and helm-python-sdk has none for {where}") from error
    if not _CHARTS.is_dir():
        raise LeftOut(f"it needs the charts of a checkout, and there is no {_CHARTS}")
    module.disable_logging()
    return module


async def install(kubeconfig: Path, values: Mapping[str, Values]) -> list[str]:
    """Install each chart as a release `aws-<chart>`, in order; their names."""
    library = helm()
    copies = kubeconfig.with_name("charts")
    shutil.copytree(_CHARTS, copies)  # of links in charts, Helm complains without end

    def work() -> list[str]:
        done = []
        with library.Config(kubeconfig_content=kubeconfig.read_text(), namespace=NAMESPACE) as config:
            for name, given in values.items():
                with library.Chart.load(copies / name) as chart:
                    config.install(chart, f"aws-{name}", given)
                    done.append(name)
        return done

    return await in_thread(work)


def values_of(aws_url: str, vpc_id: str) -> dict[str, Values]:
    """Give what must be said to install each, in order, and what makes a story shorter than a day.

    The webhooks are left out: the emulator asks none.
    """
    here: Values = {"awsEndpointUrl": aws_url, "awsRegion": REGION}
    webhook = {"webhook": {"enabled": False}}
    return {
        "cni": {
            **_image(),
            **webhook,
            "config": {
                "clusterName": CLUSTER,
                "awsEndpointUrl": aws_url,
                "chainedPlugins": ["none"],
                "ipCooldownPeriod": REST_SECONDS,
            },
        },
        "iamproxy": {**_image(), "config": {**here, "baseRoleArn": BASE_ROLE}},
        "dns": {**_controller("dns"), "config": {**here, **_DNS}},
        "albingress": {
            **_controller("albingress"),
            **webhook,
            "config": {
                **here,
                "clusterName": CLUSTER,
                "awsVpcId": vpc_id,
                "defaultTargetType": "ip",
                "backendGrace": "5s",
                "drain": "2s",
            },
        },
        "autoscaler": {**_controller("autoscaler"), "config": {**here, **_AUTOSCALER}},
    }


def role_of(daemon: str) -> str:
    """The IAM role of a daemon that is an ordinary pod: it gets it from iamproxy, as applications do."""
    return f"addons-{daemon}"


def _image() -> Values:
    return {"image": {"repository": REPOSITORY}}


def _controller(daemon: str) -> Values:
    return {**_image(), "replicas": 1, "podAnnotations": {"iam.amazonaws.com/role": role_of(daemon)}}


_DNS: Values = {
    "txtOwnerId": OWNER,
    "domainFilter": [ZONE],
    "source": ["service", "ingress"],
    "policy": "sync",
    "minEventSyncInterval": "500ms",
    "podRecordHold": "3s",
    "deleteBudget": 100,
}
_AUTOSCALER: Values = {
    "clusterName": CLUSTER,
    "nodeGroupAutoDiscovery": [f"asg:tag={DISCOVERED}"],
    "scanInterval": "2s",
    "refreshInterval": "10s",
    "scaleDownUnneededTime": "4s",
    "scaleDownDelayAfterAdd": "4s",
    "nodeDeleteDelayAfterTaint": "500ms",
    "initialNodeGroupBackoffDuration": "3s",
    "skipNodesWithSystemPods": False,
}
