"""The ASG matrix of the story of autoscaler: its file, its commands as processes, and what came of them."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from pathlib import Path

from addons.demo.groups import Site
from addons.demo.script import Unmet

FIRST, SECOND = "ami-00000000000000001", "ami-00000000000000002"
WEB, JOBS = "demo-web-m5-large-od-a", "demo-jobs-m5-large-od-a"
NODES = 2
"""How many nodes `web` has; `jobs` has one."""


class Matrix:
    """One file with two cells. `environment` and `flags` are those of the daemon."""

    def __init__(
        self, site: Site, folder: Path, environment: Mapping[str, str], flags: tuple[str, ...]
    ) -> None:
        self._site = site
        self._file = folder / "matrix.yaml"
        self._environment = environment
        self._flags = flags

    def write(self, image: str, *services: str) -> None:
        """Have the file ask for this image, and for groups of these services."""
        least = {"web": NODES, "jobs": 1}
        asked = ", ".join(f"{each}: {{min: {least[each]}, labels: {{service: {each}}}}}" for each in services)
        self._file.write_text(
            "matrix: demo\ncluster: demo\n"
            f"defaults: {{image: {image}, max: 4, userData: 'join ${{kubeletArguments}}'}}\n"
            "dimensions:\n  instanceTypes: [m5.large]\n"
            f"  zones: {{{self._site.zone}: {self._site.subnet}}}\n  services: {{{asked}}}\n"
        )
        for name, service in ((WEB, "web"), (JOBS, "jobs")):
            self._site.expect_nodes(name, {"service": service})

    async def run(self, command: str, *arguments: str) -> list[str]:
        """Run a command to its end; the lines that it prints. Raises Unmet when it does not end well."""
        whole = ("autoscaler", "matrix", command, str(self._file), *arguments, *self._flags)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "addons", *whole), env=self._environment, stdout=PIPE, stderr=PIPE
        )
        try:
            out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode:
            raise Unmet(f"matrix {command} ended with {process.returncode}: {err.decode()}")
        return out.decode().splitlines()

    def images(self, group: str) -> set[str]:
        """The images that the instances of a group run, without those that are on their way out."""
        instances, members = self._site.aws.ec2.account.instances, self._site.aws.autoscaling.members(group)
        return {instances[each.id].image_id for each in members if not each.is_leaving}

    def stacks(self) -> list[str]:
        """The stacks that are there."""
        found = self._site.aws.cloudformation.account.stacks.values()
        return sorted(each.name for each in found if not each.is_gone)
