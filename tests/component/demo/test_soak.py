"""`make soak`, but short: the same changes and faults each time, and what must hold does."""

import os
import re
import sys
import tempfile
from asyncio.subprocess import PIPE, STDOUT
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from addons.demo import privilege
from addons.demo.soak.foreign import Foreign
from addons.demo.soak.usage import GROWTH_FILES, GROWTH_MIB, Usage, growth
from addons.demo.soak.wishes import FOREIGN_NAME
from addons.demo.suite.site import Site
from addons.sim.aws.route53.model import RecordSet
from addons.sim.aws.server import AwsEndpoint
from tests.support.demo import Demo
from tests.support.processes import running

SEED = 7
"""Of a run in which daemons are killed, watches cut, and AWS and the API server refuse."""
CALM = Usage(80, 20)


@pytest.mark.timeout(420)
@pytest.mark.skipif(not (privilege.is_privileged() or os.environ.get("CI")), reason="it needs root")
async def test_nothing_is_lost_leaked_or_taken_from_others_under_random_faults() -> None:
    with tempfile.TemporaryDirectory(prefix="demo-test-") as folder:
        command = (sys.executable, "-m", "addons.demo.soak", "--minutes=0.6", f"--seed={SEED}")
        env = {**os.environ, "TMPDIR": folder, "HOME": folder}
        async with running(*command, env=env, stdout=PIPE, stderr=STDOUT, own_session=True) as process:
            run = Demo(process, Path(folder))
            text = await run.end()
            assert process.returncode == 0, text
            assert len(re.findall(r"^  holds  ", text, re.MULTILINE)) == 15, text
            assert "FAIL" not in text
            struck = re.findall(r"^(\d+) faults:$", text, re.MULTILINE)
            assert [int(count) >= 5 for count in struck] == [True], text
            assert run.remains() == []


@pytest.mark.parametrize(
    ("after", "complaint"),
    [
        (CALM, ""),
        (Usage(CALM.mib + GROWTH_MIB, CALM.files + GROWTH_FILES), ""),
        (
            Usage(CALM.mib + GROWTH_MIB + 1, CALM.files),
            "dns has grown from 80 MiB, 20 files to 113 MiB, 20 files",
        ),
        (
            Usage(CALM.mib, CALM.files + GROWTH_FILES + 1),
            "dns has grown from 80 MiB, 20 files to 80 MiB, 45 files",
        ),
        (None, "dns does not run"),
    ],
)
def test_a_daemon_that_grows_or_is_gone_is_told_of(after: Usage | None, complaint: str) -> None:
    assert growth({"dns": CALM}, {"dns": after} if after else {}) == ([complaint] if complaint else [])


class TestForeign:
    """What belongs to others is noticed when somebody changes it."""

    @pytest.mark.parametrize("what", ["records", "load balancer", "interface", "auto scaling group"])
    async def test_a_change_is_told_of_and_no_other(self, what: str) -> None:
        async with AwsEndpoint() as aws:
            vpc = aws.ec2.network.create_vpc("10.0.0.0/16")
            for number, zone in enumerate("ab"):
                aws.ec2.network.create_subnet(vpc.id, f"10.0.{number}.0/24", zone=f"eu-central-1{zone}")
            world = SimpleNamespace(zone_id=aws.route53.create_zone("example.com"))
            site = SimpleNamespace(aws=aws, world=world, vpc=SimpleNamespace(vpc=vpc))
            foreign = Foreign(cast(Site, site))
            await foreign.seed()
            assert foreign.changed() == []
            change(aws, world.zone_id, what)
            (complaint,) = foreign.changed()
            assert complaint.startswith(f"{what} of somebody else: was ")


def change(aws: AwsEndpoint, zone_id: str, what: str) -> None:
    if what == "records":
        record = RecordSet(FOREIGN_NAME, "A", ttl=300, values=("192.0.2.1",))
        aws.route53.change(zone_id, [("UPSERT", record)])
    elif what == "load balancer":
        (balancer,) = aws.elbv2.account.load_balancers.values()
        aws.elbv2.account.load_balancers.put(balancer.arn, replace(balancer, tags={"ours": "now"}))
    elif what == "interface":
        (eni,) = [each for each in aws.ec2.account.interfaces.values() if each.description == "theirs"]
        aws.ec2.interfaces.delete(eni.id)
    else:
        del aws.autoscaling.groups["theirs"]
