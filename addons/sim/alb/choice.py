"""Which target a request goes to: weights, health, turns and cookies."""

import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from typing import Any

from addons.sim.aws.elbv2.account import Account
from addons.sim.aws.elbv2.model import Target, TargetGroup

Cookies = Mapping[str, str]
GROUP_COOKIE, TARGET_COOKIE = "AWSALBTG", "AWSALB"


def candidates(group: TargetGroup) -> list[Target]:
    """Give the targets that may get a request: the healthy ones; when there is none, all that are registered.

    A target that drains gets no new request.
    """
    registered = [target for target in group.targets.values() if target.state != "draining"]
    return [target for target in registered if target.state == "healthy"] or registered


class Chooser:
    """Remembers whose turn it is in each target group, and groups that rules still in force may name.

    A target group that is gone serves as it last was, until no rule in force forwards to it any more.
    """

    def __init__(self, account: Account, rng: random.Random) -> None:
        self._account = account
        self._last: dict[str, TargetGroup] = {}
        self._random = rng
        self._turns: dict[str, int] = {}

    def group(self, config: Mapping[str, Any], cookies: Cookies) -> TargetGroup | None:
        """Choose a target group by weight, or the one that a cookie holds to; None when all weigh nothing."""
        weights = {each["TargetGroupArn"]: each["Weight"] for each in config["TargetGroups"]}
        if _is_sticky(config) and (held := unpack(cookies.get(GROUP_COOKIE, ""))) in weights:
            return self._last_known(held)
        if not any(weights.values()):
            return None
        (arn,) = self._random.choices(list(weights), list(weights.values()))
        return self._last_known(arn)

    def look(self, in_force: Collection[str]) -> None:
        """See how target groups are, and forget those that neither exist nor are in force."""
        present = {group.arn: group for group in self._account.target_groups.values()}
        kept = {arn: group for arn, group in self._last.items() if arn in in_force}
        self._last = kept | present

    def _last_known(self, arn: str) -> TargetGroup | None:
        return self._account.target_groups.get(arn) or self._last.get(arn)

    def target(self, group: TargetGroup, cookies: Cookies) -> Target | None:
        """Choose a target in turn, or the one that a cookie holds to; None when nothing is registered."""
        found = candidates(group)
        if not found:
            return None
        if group.attributes["stickiness.enabled"] == "true":
            held = unpack(cookies.get(TARGET_COOKIE, ""))
            for target in found:
                if held == name_of(group, target):
                    return target
        turn = self._turns[group.arn] = self._turns.get(group.arn, -1) + 1
        return found[turn % len(found)]


def cookies_for(config: Mapping[str, Any], group: TargetGroup, target: Target) -> list[str]:
    """Give the Set-Cookie headers that hold a client to a group, a target, both or none."""
    found = []
    if _is_sticky(config):
        seconds = config["TargetGroupStickinessConfig"]["DurationSeconds"]
        found.append(f"{GROUP_COOKIE}={_pack(group.arn)}; Max-Age={seconds}; Path=/")
    if group.attributes["stickiness.enabled"] == "true":
        seconds = group.attributes["stickiness.lb_cookie.duration_seconds"]
        found.append(f"{TARGET_COOKIE}={_pack(name_of(group, target))}; Max-Age={seconds}; Path=/")
    return found


def name_of(group: TargetGroup, target: Target) -> str:
    """Give a name of a target that no other one has."""
    return f"{group.arn} {target.id} {target.port}"


def _is_sticky(config: Mapping[str, Any]) -> bool:
    return bool(config["TargetGroupStickinessConfig"].get("Enabled"))


def _pack(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unpack(text: str) -> str:
    """Give what a cookie holds to; "" for one that is not ours."""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        return ""
