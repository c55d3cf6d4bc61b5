"""The command line of a daemon: the sole reader of the process environment, and of nothing else global."""

import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from addons.runtime import app, log
from addons.runtime.setting_docs import effective_yaml, help_text
from addons.runtime.settings import CommonConfig, SettingError, load

Config = TypeVar("Config", bound=CommonConfig)

_QUESTIONS = ("--help", "-h", "--version", "--print-config")


def run(
    name: str,
    config_type: type[Config],
    main: Callable[[Config], Coroutine[Any, Any, int | None]],
    argv: Sequence[str],
    *,
    env_prefixes: Sequence[str],
    retired: Mapping[str, str] = {},
    environ: Mapping[str, str] = os.environ,
) -> int:
    """Read the settings and run `main` with them; give the exit code.

    `retired` has flags of the original that do not exist here -> what there is in their place.

    0: done, 1: crashed, 2: bad settings (one line on stderr says which), or what `main` returned: 3 where
    a single pass had failures.
    """
    asked = [argument for argument in argv if argument in _QUESTIONS]
    if "--help" in asked or "-h" in asked:
        return _answered(help_text(name, config_type, env_prefixes))
    if "--version" in asked:
        return _answered(f"addons {app.version()}")
    try:
        flags = [argument for argument in argv if argument not in _QUESTIONS]
        _refuse_retired(flags, retired)
        config = load(config_type, flags, environ, env_prefixes=env_prefixes)
        config = _with_customary_variables(config, environ)
        if asked:
            return _answered(effective_yaml(config).rstrip())
        log.set_up(config.log_level, config.log_format)
        return app.run_to_exit_code(main(config))
    except SettingError as error:
        print(f"addons {name}: {error}", file=sys.stderr)
        return 2


def _refuse_retired(argv: Sequence[str], retired: Mapping[str, str]) -> None:
    found = dict.fromkeys(argument.partition("=")[0] for argument in argv)
    if refused := [f"{flag} is not needed: {retired[flag]}" for flag in found if flag in retired]:
        raise SettingError("; ".join(refused))


def say(text: str) -> None:
    """Write to standard output at once; where nobody reads it any more (`| head`), drop all that comes."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _answered(text: str) -> int:
    say(f"{text}\n")
    return 0


def _with_customary_variables(config: Config, environ: Mapping[str, str]) -> Config:
    """Fill what is unset from the variables that every tool of the field reads.

    botocore itself reads only AWS_DEFAULT_REGION, while the pod identity webhook may set only AWS_REGION;
    a kubeconfig of the environment, or of the home as kubectl has it, counts outside of a cluster only.
    """
    found: dict[str, Any] = {}
    if not config.aws_region:
        found["aws_region"] = environ.get("AWS_REGION", "")
    if not config.kubeconfig:
        found["kubeconfig"] = customary_kubeconfig(environ)
    return msgspec.structs.replace(config, **found)


def customary_kubeconfig(environ: Mapping[str, str]) -> str:
    """Give the kubeconfig that kubectl would use; none in a pod, where the ServiceAccount counts."""
    if "KUBERNETES_SERVICE_HOST" in environ:
        return ""
    of_home = Path(environ.get("HOME", "/"), ".kube", "config")
    return environ.get("KUBECONFIG", "") or (str(of_home) if of_home.exists() else "")
