"""Matrices and the stacks that they become in a simulated AWS: the words of the tests of plan and apply."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from addons.autoscaler.aws.stack_calls import OPERATIONS, RATES
from addons.autoscaler.config import Config
from addons.autoscaler.controller.matrix_apply import Applied, Apply
from addons.autoscaler.controller.matrix_commands import Asked, execute
from addons.autoscaler.controller.matrix_plan import planned
from addons.autoscaler.matrix.expansion import Matrix, matrix_of
from addons.autoscaler.model.matrix import StackPlan
from addons.runtime.aws import AwsSession
from addons.runtime.permit import Permit
from tests.support.as_aws import IMAGE, AsSite
from tests.support.as_matrix import example
from tests.support.aws_thread import simulated_aws
from tests.support.permits import PERMIT

VERSION = "1.0"
READS = ("Describe", "List", "Get")


class MatrixSite(AsSite):
    """An AWS with the subnets that a matrix of 36 cells needs."""

    def text(
        self,
        *,
        image: str = IMAGE,
        most: int = 10,
        types: str = "m5.large, m5.xlarge, c5.large",
        services: str = "web, jobs",
        more: str = "",
    ) -> str:
        """A file: as many cells as types x 2 capacities x 3 zones x services."""
        zones = ", ".join(f"eu-central-1{zone}: {subnet}" for zone, subnet in self.subnets.items())
        return (
            f"matrix: shop\ncluster: prod\ndefaults: {{image: '{image}', max: {most}}}\n"
            f"dimensions:\n  instanceTypes: [{types}]\n  capacity: [on-demand, spot]\n"
            f"  zones: {{{zones}}}\n  services: [{services}]\n{more}"
        )

    def matrix(self, **changes: Any) -> Matrix:
        """What such a file asks for."""
        return matrix_of(self.text(**changes), "shop.yaml")

    def have_what_the_example_names(self) -> None:
        """Make the subnets and the security group of the documented file, by the ids that they have there."""
        network, account = self.endpoint.ec2.network, self.endpoint.ec2.account
        vpc = network.create_vpc("10.1.0.0/16")
        for number, (id_, zone) in enumerate(
            {(id_, each.zone) for each in example().cells for id_ in each.subnets}
        ):
            made = network.create_subnet(vpc.id, f"10.1.{number}.0/24", zone=zone)
            account.subnets[id_] = replace(account.subnets.pop(made.id), id=id_)
            account.spaces[id_] = account.spaces.pop(made.id)
        group = network.create_security_group(vpc.id, "nodes")
        for id_ in {id_ for each in example().cells for id_ in each.security_groups}:
            account.security_groups[id_] = replace(group, id=id_)

    def small(self) -> Matrix:
        """A matrix of 6 cells."""
        return self.matrix(types="m5.large", services="web")

    @property
    def statuses(self) -> dict[str, str]:
        """Stack -> its status, of those that are not gone."""
        stacks = self.endpoint.cloudformation.account.stacks.values()
        return {each.name: each.status for each in stacks if not each.is_gone}

    def suspended(self, name: str) -> list[str]:
        """The processes of a group that are suspended."""
        (group,) = self.ask("DescribeAutoScalingGroups", AutoScalingGroupNames=[name])["AutoScalingGroups"]
        return [each["ProcessName"] for each in group["SuspendedProcesses"]]

    def reads(self) -> Counter[str]:
        """The reading calls since calls were asked for last."""
        made = self.calls()
        return Counter({name: count for name, count in made.items() if name.startswith(READS)})

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AwsSession]:
        """The door to this AWS that the commands have."""
        async with AwsSession(
            region="eu-central-1", endpoint_url=self.endpoint.url, rates=RATES, operations=OPERATIONS
        ) as aws:
            yield aws

    async def plan(self, matrix: Matrix) -> tuple[StackPlan, ...]:
        """What the stacks need."""
        async with self.session() as aws:
            return (await planned(aws, matrix, VERSION))[1]

    async def kinds(self, matrix: Matrix) -> Counter[str]:
        """How many stacks need what."""
        return Counter(each.kind for each in await self.plan(matrix))

    async def apply(
        self,
        matrix: Matrix,
        permit: Permit = PERMIT,
        *,
        parallel: int = 8,
        tell: Callable[[str], None] = lambda _: None,
    ) -> dict[str, Applied]:
        """Apply it; stack -> what became of it."""
        async with self.session() as aws:
            matrix, plans = await planned(aws, matrix, VERSION)
            apply = Apply(aws, matrix, permit, version=VERSION, parallel=parallel, tell=tell)
            to_do = await apply.to_do(plans)
            return {each.name: each async for each in apply.carry_out(to_do)}

    async def command(
        self, command: str, file: Path, *, cells: Iterable[str] = (), asked: Any = None, **settings: Any
    ) -> int:
        """Carry out a command as a user does, with more flags as `asked` has them; the exit code."""
        settings = {"aws_region": "eu-central-1", "aws_endpoint_url": self.endpoint.url} | settings
        return await execute(Asked(command, str(file), tuple(cells), **asked or {}), Config(**settings))


def results(applied: dict[str, Applied]) -> Counter[str]:
    """How many stacks ended how."""
    return Counter(each.result for each in applied.values())


def json_lines(text: str) -> list[dict[str, Any]]:
    """The lines of a plan for programs."""
    return [json.loads(line) for line in text.splitlines()]


@asynccontextmanager
async def matrix_site() -> AsyncIterator[MatrixSite]:
    """Run an AWS for a test."""
    async with simulated_aws() as endpoint:
        yield MatrixSite(endpoint)
