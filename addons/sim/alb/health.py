"""Health checks of real targets, with the path, codes and thresholds of their target group."""

import asyncio
import re
from dataclasses import dataclass
from typing import NamedTuple

import aiohttp

from addons.sim.alb.choice import name_of
from addons.sim.alb.reach import Reach
from addons.sim.aws.elbv2.model import Target, TargetGroup
from addons.sim.aws.elbv2.state import Elbv2


class _Finding(NamedTuple):
    is_well: bool
    reason: str = ""
    description: str = ""


@dataclass
class _Streak:
    """How often in a row a target was found well, or not."""

    is_well: bool = False
    length: int = 0


class Prober:
    """Tells ELBv2 the state of every target in use. `scale` shortens intervals and time-outs."""

    def __init__(
        self, elb: Elbv2, session: aiohttp.ClientSession, reach: Reach, *, scale: float = 1.0
    ) -> None:
        self._elb = elb
        self._session = session
        self._reach = reach
        self._scale = scale
        self._streaks: dict[str, _Streak] = {}
        self._due: dict[str, float] = {}

    async def run(self) -> None:
        """Probe each group at its interval, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            groups = self._groups()
            ready = [group for group in groups if self._due.get(group.arn, 0.0) <= loop.time()]
            for group in ready:
                interval = group.settings["HealthCheckIntervalSeconds"] * self._scale
                self._due[group.arn] = loop.time() + interval
            await self._probe(ready)
            await asyncio.sleep(min(self._scale, 1.0))

    async def probe_once(self) -> None:
        """Probe every target in use, once."""
        await self._probe(self._groups())

    def _groups(self) -> list[TargetGroup]:
        account = self._elb.account
        return [group for arn in account.uses() if (group := account.target_groups.get(arn))]

    async def _probe(self, groups: list[TargetGroup]) -> None:
        await asyncio.gather(
            *(self._judge(group, target) for group in groups for target in group.targets.values())
        )

    async def _judge(self, group: TargetGroup, target: Target) -> None:
        found = await self._ask(group, target)
        streak = self._streaks.setdefault(name_of(group, target), _Streak())
        if streak.is_well != found.is_well:
            streak.is_well, streak.length = found.is_well, 0
        streak.length += 1
        settings = group.settings
        if found.is_well:
            needed = 1 if target.state == "initial" else settings["HealthyThresholdCount"]
            if streak.length >= needed:
                self._elb.set_health(group.arn, target.key, "healthy")
        elif streak.length >= settings["UnhealthyThresholdCount"]:
            self._elb.set_health(group.arn, target.key, "unhealthy", found.reason, found.description)

    async def _ask(self, group: TargetGroup, target: Target) -> _Finding:
        settings = group.settings
        port = settings["HealthCheckPort"]
        host, real = self._reach(target.id, target.port if port == "traffic-port" else int(port))
        url = f"{settings['HealthCheckProtocol'].lower()}://{host}:{real}{settings['HealthCheckPath']}"
        timeout = aiohttp.ClientTimeout(total=settings["HealthCheckTimeoutSeconds"] * self._scale)
        headers = {"User-Agent": "ELB-HealthChecker/2.0"}
        try:
            async with self._session.get(
                url, timeout=timeout, headers=headers, ssl=False, allow_redirects=False
            ) as reply:
                code = reply.status
        except TimeoutError:
            return _Finding(False, "Target.Timeout", "Request timed out")
        except (aiohttp.ClientError, OSError):
            return _Finding(False, "Target.FailedHealthChecks", "Health checks failed")
        if _accepts(settings["Matcher"].get("HttpCode", "200"), code):
            return _Finding(True)
        words = f"Health checks failed with these codes: [{code}]"
        return _Finding(False, "Target.ResponseCodeMismatch", words)


def _accepts(matcher: str, code: int) -> bool:
    """Say whether a code is among e.g. `200,300-399`."""
    ranges = re.findall(r"(\d+)(?:-(\d+))?", matcher)
    return any(int(low) <= code <= int(high or low) for low, high in ranges)
