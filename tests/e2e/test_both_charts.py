"""Both charts in one cluster, installed as docs/install.md says: dns gets its role from iamproxy."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import yaml

from tests.support.charts import ROOT, Values, helm
from tests.support.helm import Release
from tests.support.iamproxy_site import ACCOUNT, REGION, Stage, staged
from tests.support.image import image_of_this_machine
from tests.support.nodes import Site

pytestmark = [pytest.mark.kube, pytest.mark.timeout(240)]

ZONE = "example.org"


def written() -> Values:
    """The values that the document has for dns."""
    page = (ROOT / "docs" / "install.md").read_text()
    found = re.search(r"<!-- tested: values of dns beside iamproxy -->\n```yaml\n(.*?)```", page, re.DOTALL)
    assert found
    values: Values = yaml.safe_load(found[1])
    return values


@pytest.fixture
async def stage(site: Site) -> AsyncIterator[Stage]:
    """A namespace that allows the role `dns`, in which dns is installed."""
    async with staged(site, "dns") as stage:
        yield stage


def near_by(stage: Stage, url: str) -> dict[str, Any]:
    """Values for a dns that runs this tree and finds the simulated AWS."""
    config = {"awsEndpointUrl": url, "awsRegion": REGION, "domainFilter": [ZONE]}
    return {**image_of_this_machine(), "replicas": 1, "config": config}


async def test_dns_has_the_role_of_its_annotation_beside_iamproxy_and_none_without_it(
    site: Site, stage: Stage
) -> None:
    zone = stage.aws.route53.create_zone(ZONE)
    url = await stage.aws.listen(site.hub.listener(site.inside, 0))
    kubeconfig = str(site.cluster.kubeconfig)
    with helm.Config(kubeconfig_path=kubeconfig, namespace=stage.namespace) as config:
        async with stage.installed():
            release = Release(config)
            await release.install(near_by(stage, url), written())
            await stage.kubectl.ok("rollout", "status", "deployment/aws-dns", "--timeout=90s")
            log = await release.test()
            session = f"arn:aws:sts::{ACCOUNT}:assumed-role/dns/{stage.namespace}.aws-dns"
            assert f"ok    AWS identity: {session}\n" in log
            assert f"ok    hosted zones: {ZONE} ({zone})\n" in log
            await release.upgrade(near_by(stage, url))
            with pytest.raises(helm.HelmReleaseError, match="pod aws-dns-test failed"):
                await release.test()
            assert "FAIL  AWS identity: " in await stage.kubectl.ok("logs", "aws-dns-test")
            await asyncio.to_thread(config.uninstall, "aws")
