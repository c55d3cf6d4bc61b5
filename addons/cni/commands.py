"""The commands beside the daemon: put the plugin on the host, count new pods, ask about one, clean up."""

import argparse
import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from addons.cni import names
from addons.cni.config import Config
from addons.cni.plugin.install import install_plugin
from addons.explain.ask import Question, ask_daemons
from addons.explain.words import in_words
from addons.runtime.cli import say
from addons.runtime.errors import OutsideError
from addons.runtime.kube import KubeClient
from addons.runtime.setting_values import BadValue, parse_duration
from addons.runtime.settings import SettingError

NAME = "cni"

HELP = """commands, written before all settings:
  check --pod NAMESPACE/NAME [--url URL]
        Tell which address a pod has, or why none, by asking the daemon of its node: through the API server,
        or at a URL. Exits with 3 when it has none.
  cleanup [--timeout 5m]
        After an uninstall: take the taint aws-addons.io/no-pod-ips away from all nodes.
  install
        Put the plugin into --cni-bin-dir. The network configuration is written by the daemon, when pods can
        start.
  webhook
        Answer the API server when it asks about new pods: they get a limit of one aws-addons.io/pod-ip.

"""

_BY_HAND = f"By hand it goes with: kubectl taint nodes --all {names.NO_POD_IPS}-\n"

Entry = Callable[[Config], Coroutine[Any, Any, int | None]]


def command_of(argv: Sequence[str]) -> tuple[Entry | None, list[str]]:
    """Give the command that the first argument names, or None, and the arguments that are settings."""
    commands: dict[str, Entry] = {"install": install, "webhook": webhook}
    if argv and argv[0] in commands:
        return commands[argv[0]], list(argv[1:])
    parsers = {"check": _parse_check, "cleanup": _parse_cleanup}
    if argv and argv[0] in parsers:
        return parsers[argv[0]](argv[1:])
    return None, list(argv)


def _parse_check(argv: Sequence[str]) -> tuple[Entry, list[str]]:
    parser = argparse.ArgumentParser("addons cni check", add_help=False, allow_abbrev=False)
    parser.add_argument("--pod", default="")
    parser.add_argument("--url", default="")
    given, rest = parser.parse_known_args(argv)
    return partial(check, given.pod, given.url), rest


def _parse_cleanup(argv: Sequence[str]) -> tuple[Entry, list[str]]:
    parser = argparse.ArgumentParser("addons cni cleanup", add_help=False, allow_abbrev=False)
    parser.add_argument("--timeout", default="5m")
    given, rest = parser.parse_known_args(argv)
    return partial(cleanup, given.timeout), rest


async def cleanup(patience: str, config: Config) -> int:
    """Take our taint away from all nodes: 0, or 3 and what is left to do."""
    from addons.cni.controller.cleanup import Untainting  # its imports are none of the daemon's

    try:
        duration = parse_duration(patience)
    except BadValue as error:
        raise SettingError(f"--timeout {patience!r}: not a duration, such as 4m") from error
    async with KubeClient.connect(config.kubeconfig, user_agent="aws-addons-cni-cleanup") as kube:
        untainting = Untainting(kube)
        await untainting.run(patience=duration)
    if untainting.trouble:
        sys.stderr.write(f"not done: {untainting.trouble}\n{_BY_HAND}")
        return 3
    say(f"cleaned up: {len(untainting.freed)} nodes had the taint {names.NO_POD_IPS}\n")
    return 0


async def install(config: Config) -> int:
    """Put the plugin where the runtime looks; 0. Raises SettingError."""
    install_plugin(config)
    return 0


async def webhook(config: Config) -> int:
    """Serve the webhook until SIGTERM; 0. Raises SettingError where it cannot listen."""
    from addons.cni.controller.webhook import live  # its imports are none of the daemon's

    await live(config)
    return 0


async def check(pod: str, url: str, config: Config) -> int:
    """Have the daemon of its node tell which address a pod has: 0 when it has one, else 3."""
    namespace, _, name = pod.partition("/")
    if not (namespace and name) or "/" in name:
        raise SettingError(f"--pod {pod!r}: not NAMESPACE/NAME")
    about = f"pod/{pod}"
    try:
        answers = await ask_daemons(Question(about, only=NAME, url=url), config.kubeconfig)
    except OutsideError as error:
        sys.stderr.write(f"cannot tell: {error.message}\n")
        return 3
    say(in_words(about, answers))
    reasons = {decision.reason for answer in answers for decision in answer.decisions}
    return 0 if names.ADDRESS_ASSIGNED in reasons else 3
