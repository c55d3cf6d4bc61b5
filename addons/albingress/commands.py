"""The commands beside the daemon: look whether all is there, let Ingresses go, give pods gates."""

import argparse
import sys
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from msgspec.structs import replace

from addons.albingress.config import Config
from addons.albingress.controller.build import NAME, connected
from addons.albingress.controller.check import check
from addons.albingress.kube.release import release, stop
from addons.runtime.cli import say
from addons.runtime.daemon import component
from addons.runtime.errors import OutsideError
from addons.runtime.kube import KubeClient
from addons.runtime.objects import ref
from addons.runtime.setting_values import BadValue, parse_duration
from addons.runtime.settings import SettingError

HELP = """commands, written before all settings:
  check
        Tell as whom AWS knows the daemon, whether it could lead, whether the original does, in which VPC and
        subnets load balancers would be, which groups there are and how much it would change. Changes nothing;
        exits with 3 when something is missing.
  release [--deployment NAMESPACE/NAME] [--timeout 4m]
        Stop the daemon of that Deployment, then take its finalizers off Ingresses and TargetGroupBindings,
        those of --watch-namespace or all, so that they can be deleted without it. Load balancers stay.
        Exits with 3 when an object could not be written.
  webhook
        Answer the API server when it asks about new pods: in namespaces with the label
        elbv2.k8s.aws/pod-readiness-gate-inject=enabled they get the readiness gates of their target groups.

"""

Entry = Callable[[Config], Coroutine[Any, Any, int]]


def command_of(argv: Sequence[str]) -> tuple[Entry | None, list[str]]:
    """Give the command that the first argument names, or None, and the arguments that are settings.

    Raises SettingError.
    """
    if argv and argv[0] == "check":
        return run_check, list(argv[1:])
    if argv and argv[0] == "release":
        return _parse_release(argv[1:])
    if argv and argv[0] == "webhook":
        return run_webhook, list(argv[1:])
    return None, list(argv)


def _parse_release(argv: Sequence[str]) -> tuple[Entry, list[str]]:
    parser = argparse.ArgumentParser("addons albingress release", add_help=False, allow_abbrev=False)
    parser.add_argument("--deployment", default="")
    parser.add_argument("--timeout", default="4m")
    given, rest = parser.parse_known_args(argv)
    return partial(run_release, given.deployment, given.timeout), rest


async def run_check(config: Config) -> int:
    """Print what is found, a line for each: 0 when all of it is good, else 3."""
    all_good = True
    async with connected(replace(config, dry_run=True, once=True)) as parts:
        async for finding in check(config, parts):
            all_good &= finding.is_good
            say(f"{finding}\n")
    return 0 if all_good else 3


async def run_release(deployment: str, wait: str, config: Config) -> int:
    """Print what is let go, a line for each object: 0 when all is, else 3. Raises SettingError."""
    namespace, name = _deployment(deployment)
    patience = _patience(wait)
    try:
        async with KubeClient.connect(config.kubeconfig, user_agent=component(NAME)) as kube:
            if name and not await stop(kube, namespace, name, patience=patience):
                return _failed(f"deployment/{deployment}: still has pods after {wait}: nothing is released")
            return await _release_all(kube, config.watch_namespace)
    except OutsideError as error:
        return _failed(error.message)


async def run_webhook(config: Config) -> int:
    """Serve the webhook until SIGTERM; 0. Raises SettingError where it cannot listen."""
    from addons.albingress.controller.webhook import live  # its imports are none of the daemon's

    await live(config)
    return 0


async def _release_all(kube: KubeClient, namespace: str) -> int:
    exit_code = 0
    async for held, error in release(kube, namespace):
        if error:
            exit_code = _failed(f"{ref(held)}: {error.message}")
        else:
            serves = f": {held.hostnames} stays as it is" if held.hostnames else ""
            say(f"{ref(held)} is released{serves}\n")
    return exit_code


def _deployment(text: str) -> tuple[str, str]:
    namespace, _, name = text.partition("/")
    if text and (not (namespace and name) or "/" in name):
        raise SettingError(f"--deployment {text!r}: not NAMESPACE/NAME")
    return namespace, name


def _patience(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except BadValue as error:
        raise SettingError(f"--timeout {text!r}: not a duration such as 90s or 4m") from error


def _failed(message: str) -> int:
    sys.stderr.write(f"failed: {message}\n")
    return 3
