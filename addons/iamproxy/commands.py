"""The commands beside the daemon: explain a decision, ask as a pod does, and take the redirect away."""

import argparse
import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from addons.explain.ask import Question, ask_daemons
from addons.explain.words import in_words
from addons.iamproxy import names
from addons.iamproxy.config import Config, asks_for_base, base_arn
from addons.iamproxy.controller.ask import ask
from addons.iamproxy.controller.build import (
    NAME,
    build_sts,
    connected,
    policy_of,
    redirect_settings,
    with_region,
)
from addons.iamproxy.controller.cleanup import clean_up_nodes, hold, what_is_left
from addons.iamproxy.controller.explain import explain
from addons.iamproxy.desired.grants import Rules
from addons.iamproxy.kube.daemonset import DaemonSets
from addons.iamproxy.model.objects import NAMESPACES, Namespace, Pod
from addons.iamproxy.model.verdicts import Grant, Verdict
from addons.iamproxy.net.redirect import Redirect
from addons.runtime.cli import say
from addons.runtime.errors import OutsideError
from addons.runtime.imds import endpoint_at
from addons.runtime.kube import KubeClient
from addons.runtime.objects import PODS
from addons.runtime.setting_values import BadValue, parse_duration
from addons.runtime.settings import SettingError

HELP = """commands, written before all settings:
  ask [--role ROLE | --no-role]
        In a pod: ask for credentials as SDKs do, and tell the answer. Exits with 3 when it is not this role,
        or not any; with --no-role when it is not iamproxy's word that the pod has none.
  check --pod NAMESPACE/NAME [--url URL | --offline]
        Tell which role a pod gets and why, or why none, by asking the daemon of its node: through the API
        server, or at a URL. With --offline no daemon is asked: the settings of this command decide.
  cleanup
        Take the redirect away from this node: pods reach the node's metadata again.
  cleanup --daemonset NAMESPACE/NAME [--timeout 5m]
        Have every node cleaned up by the pods of this DaemonSet, and wait.

"""

_PATIENCE_SECONDS = 60.0
"""For a pod that asks in its first moments, and for a daemon that has just been installed."""

_WITHOUT_CREDENTIALS = {names.CREDENTIALS_DENIED, names.CREDENTIALS_FAILED}

_CLEANUP = "aws-addons-iamproxy-cleanup"

Entry = Callable[[Config], Coroutine[Any, Any, int | None]]


def command_of(argv: Sequence[str]) -> tuple[Entry | None, list[str]]:
    """Give the command that the first argument names, or None, and the arguments that are settings."""
    parsers = {"ask": _parse_ask, "check": _parse_check, "cleanup": _parse_cleanup}
    if argv and argv[0] in parsers:
        return parsers[argv[0]](argv[1:])
    return None, list(argv)


def _parse_ask(argv: Sequence[str]) -> tuple[Entry, list[str]]:
    parser = _parser("ask")
    wanted = parser.add_mutually_exclusive_group()
    wanted.add_argument("--role", default="")
    wanted.add_argument("--no-role", action="store_true")
    given, rest = parser.parse_known_args(argv)
    return partial(run_ask, given.role, no_role=given.no_role), rest


def _parse_check(argv: Sequence[str]) -> tuple[Entry, list[str]]:
    parser = _parser("check")
    parser.add_argument("--pod", default="")
    parser.add_argument("--url", default="")
    parser.add_argument("--offline", action="store_true")
    given, rest = parser.parse_known_args(argv)
    if given.offline:
        return partial(check_offline, given.pod), rest
    return partial(check, given.pod, given.url), rest


def _parse_cleanup(argv: Sequence[str]) -> tuple[Entry, list[str]]:
    parser = _parser("cleanup")
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("--daemonset")
    parser.add_argument("--timeout", default="5m")
    given, rest = parser.parse_known_args(argv)
    if given.daemonset is not None:
        return partial(clean_up_all, given.daemonset, given.timeout), rest
    return partial(clean_up, stay=given.hold), rest


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingError(message)


def _parser(command: str) -> argparse.ArgumentParser:
    return _Parser(f"addons iamproxy {command}", add_help=False, allow_abbrev=False)


async def run_ask(wanted: str, config: Config, *, no_role: bool = False) -> int:
    """Tell what a pod is told that asks for credentials: 0 when it is as wanted, else 3."""
    told = await ask(endpoint_at(config.metadata_addr), patience=_PATIENCE_SECONDS)
    say(f"{told.words} ({told.reason})\n" if told.reason else f"{told.words}\n")
    if no_role:
        expected, is_so = f"no role, told by iamproxy ({names.NO_ROLE})", told.reason == names.NO_ROLE
    elif wanted:
        expected, is_so = f"the role {wanted}", wanted.rpartition("/")[2] == told.role.rpartition("/")[2]
    else:
        expected, is_so = "a role", bool(told.role)
    if not is_so:
        sys.stderr.write(f"expected: {expected}\n")
    return 0 if is_so else 3


async def check(pod: str, url: str, config: Config) -> int:
    """Have the daemon of its node explain what a pod gets: 0 when that is credentials, else 3."""
    about = "/".join(("pod", *_split("--pod", pod)))
    try:
        answers = await ask_daemons(Question(about, only=NAME, url=url), config.kubeconfig)
    except OutsideError as error:
        sys.stderr.write(f"cannot tell: {error.message}\n")
        return 3
    if not answers:
        sys.stderr.write("cannot tell: no daemon runs; --offline decides by the settings of this command\n")
        return 3
    say(in_words(about, answers))
    reasons = {decision.reason for answer in answers for decision in answer.decisions}
    return 0 if names.ROLE_GRANTED in reasons and not reasons & _WITHOUT_CREDENTIALS else 3


async def check_offline(pod: str, config: Config) -> int:
    """Explain what a daemon with these settings would decide about a pod: 0 for a role, else 3."""
    namespace, name = _split("--pod", pod)
    try:
        verdict, text = await _explain(namespace, name, config)
    except OutsideError as error:
        sys.stderr.write(f"cannot tell: {error.message}\n")
        return 3
    say(f"by the settings of this command; no daemon and no STS was asked\n{text}\n")
    return 0 if isinstance(verdict, Grant) else 3


async def _explain(namespace: str, name: str, config: Config) -> tuple[Verdict, str]:
    if asks_for_base(config):
        config = await with_region(config)
    async with connected(config) as parts:
        pod = await parts.kube.get(PODS, Pod, namespace=namespace, name=name)
        pods_namespace = await parts.kube.get(NAMESPACES, Namespace, name=namespace)
        base = base_arn(config)
        if asks_for_base(config):
            base = await build_sts(config, parts).base_arn()
        policy = policy_of(config)
        return explain(pod, pods_namespace, Rules(config, base, policy.policy if policy else None))


async def clean_up(config: Config, *, stay: bool = False) -> int:
    """Take the redirect and the key of tokens from this node; to `stay` is to tell of it until SIGTERM."""
    _delete_token_key(config)
    redirect = Redirect(redirect_settings(config))
    try:
        await (hold(redirect, config.listen) if stay else redirect.remove())
    finally:
        redirect.close()
    return 0


def _delete_token_key(config: Config) -> None:
    if config.token_key_file:
        Path(config.token_key_file).unlink(missing_ok=True)


async def clean_up_all(daemon_set: str, patience: str, config: Config) -> int:
    """Have the pods of a DaemonSet take the redirect away from every node: 0, or 3 and what is left to do."""
    namespace, name = _split("--daemonset", daemon_set)
    try:
        duration = parse_duration(patience)
    except BadValue as error:
        raise SettingError(f"--timeout {patience!r}: not a duration, such as 4m") from error
    async with KubeClient.connect(config.kubeconfig, user_agent=_CLEANUP) as kube:
        result = await clean_up_nodes(DaemonSets(kube, namespace, name, manager=_CLEANUP), patience=duration)
    if result.is_done:
        say(f"cleaned up: {result.nodes} nodes\n")
        return 0
    sys.stderr.write(what_is_left(result, namespace, name))
    return 3


def _split(flag: str, text: str) -> tuple[str, str]:
    namespace, _, name = text.partition("/")
    if not (namespace and name) or "/" in name:
        raise SettingError(f"{flag} {text!r}: not NAMESPACE/NAME")
    return namespace, name
