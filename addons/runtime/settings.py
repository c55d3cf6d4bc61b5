"""Settings: the fields of a frozen Struct, read from flags, the environment and a YAML file.

A field `txt_owner_id` is the flag `--txt-owner-id`, the variable `ADDONS_DNS_TXT_OWNER_ID` and the YAML key
`txtOwnerId`; they win in this order, then the field's default. The docstring below a field is its
documentation, everywhere.
"""

import argparse
import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    NoReturn,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from msgspec import NODEFAULT, Meta, Struct

from addons.runtime.field_docs import field_docs
from addons.runtime.setting_files import BadFile, read_mapping
from addons.runtime.setting_values import (
    BadValue,
    Namespace,
    Region,
    Unfit,
    Url,
    allowed,
    check,
    choices,
    from_texts,
    from_yaml,
    items_of,
)

SECRET = Meta(extra={"secret": True})
"""Marks a field, `Annotated[str, SECRET]`, whose value is never shown."""


def also_read(variable: str) -> Meta:
    """Mark a field that the original reads from an environment variable of another name than ours."""
    return Meta(extra={"variable": variable})


HIDDEN = "(hidden)"
"""What is shown in the place of a secret."""

_SERVICE_LINK = re.compile(
    r"(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?)?)"
)
"""Variables that the kubelet sets for every Service: one named `addons-dns` gives ADDONS_DNS_SERVICE_HOST."""


class SettingError(Exception):
    """A setting is unknown, malformed or missing; one line says which it is and what is allowed."""


class CommonConfig(Struct, frozen=True, kw_only=True):
    """Settings of every add-on."""

    refused_settings: ClassVar[Mapping[str, str]] = {}
    """Settings of the original that we have not, each with the sentence that says so."""

    config: str = ""
    """YAML file with settings, its keys written as in `txtOwnerId`. Flags and the environment win over it."""

    kubeconfig: str = ""
    """Path of a kubeconfig. Without it: the service account of the pod, else `$KUBECONFIG`, which may name
    several files, else `~/.kube/config`."""

    aws_region: Region = ""
    """AWS region. Without it: `$AWS_REGION`, else what the AWS configuration says."""

    aws_endpoint_url: Url = ""
    """One URL for all AWS services, for tests. Without it: `$AWS_ENDPOINT_URL`, else the real ones."""

    listen: str = ":8080"
    """HOST:PORT for health, metrics and the status page; an empty host means all addresses."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe messages that are logged."""

    log_format: Literal["json", "text"] | None = None
    """Form of the log. Without it: text on a terminal, else JSON."""

    once: bool = False
    """Make one full pass and exit: with 0 when all went well, with 3 when an action failed."""

    dry_run: bool = False
    """Print the plan instead of carrying it out; only read calls are made."""

    output: Literal["table", "json"] | None = None
    """Form of the plan of a dry run. Without it: a table on a terminal, else JSON lines."""


class LeaderConfig(CommonConfig, frozen=True, kw_only=True):
    """Settings of add-ons of which several replicas may run, and one acts."""

    leader_elect: bool = True
    """Act only while holding a Lease, so that several replicas may run."""

    leader_elect_namespace: Namespace = ""
    """Namespace of the Lease. Without it: the namespace of the pod, else `default`."""

    leader_elect_name: str = ""
    """Name of the Lease. Without it: `aws-addons-` and the name of the add-on."""

    force: bool = False
    """Make the single pass of `--once` although another daemon holds the Lease."""


def parse_listen(listen: str) -> tuple[str, int]:
    """Split HOST:PORT; the host may be empty (all addresses) or an IPv6 address in brackets."""
    host, colon, port = listen.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed:
        host = host[1:-1]
    is_port = bool(re.fullmatch(r"[0-9]{1,5}", port)) and int(port) < 65536
    if not colon or not is_port or (":" in host and not bracketed):
        raise SettingError(f"--listen: {listen!r} is not allowed: HOST:PORT such as 127.0.0.1:8080 or :8080")
    return host, int(port)


class Setting(Struct, frozen=True, kw_only=True):
    """One setting, as users see it; `type` is the plain type, without None and constraints.

    `item_constraints` are those of each item of a list, or of each value of a mapping.
    """

    name: str
    group: str
    type: Any
    default: object
    doc: str
    environment: tuple[str, ...]
    optional: bool = False
    secret: bool = False
    constraints: tuple[Meta, ...] = ()
    item_constraints: tuple[Meta, ...] = ()

    @property
    def flag(self) -> str:
        """The flag: `--txt-owner-id`."""
        return "--" + self.name.replace("_", "-")

    @property
    def key(self) -> str:
        """The YAML key: `txtOwnerId`."""
        first, *rest = self.name.split("_")
        return first + "".join(map(str.title, rest))

    @property
    def required(self) -> bool:
        """True when there is no default."""
        return self.default is NODEFAULT


Config = TypeVar("Config", bound=CommonConfig)


def settings_of(config_type: type[Struct], env_prefixes: Sequence[str] = ()) -> tuple[Setting, ...]:
    """List the settings of a configuration, the ones of its base classes first."""
    hints = get_type_hints(config_type, include_extras=True)
    docs, groups = field_docs(config_type)
    return tuple(
        _setting(field, hints[field.name], docs.get(field.name, ""), groups[field.name], env_prefixes)
        for field in msgspec.structs.fields(config_type)
    )


def load(
    config_type: type[Config],
    argv: Sequence[str],
    environ: Mapping[str, str],
    *,
    env_prefixes: Sequence[str] = (),
) -> Config:
    """Read the configuration; the first problem found raises SettingError.

    The first of `env_prefixes` is ours: an unknown variable with it is an error. The others are those of the
    originals, read where ours says nothing. An empty variable counts as unset.
    """
    settings = settings_of(config_type, env_prefixes)
    refused = _refused_settings(config_type, env_prefixes)
    flags = _from_flags(settings, argv, refused)
    variables = _from_environment(settings, environ, env_prefixes, refused)
    path = {**variables, **flags}.get("config")
    file = _from_file(settings, Path(str(path)), refused) if path else {}
    values = file | variables | flags
    for setting in settings:
        if setting.required and setting.name not in values:
            names = ", ".join((*setting.environment, f"{setting.key} in the --config file"))
            raise SettingError(f"{setting.flag} is required (or {names}): {allowed(setting.type)}")
    return config_type(**values)


def _setting(field: Any, annotation: Any, doc: str, group: str, env_prefixes: Sequence[str]) -> Setting:
    annotation, constraints = _apart(annotation)
    optional = get_origin(annotation) in (Union, UnionType)
    if optional:
        annotation = next(part for part in get_args(annotation) if part is not NoneType)
    annotation, item_constraints = _items_apart(annotation)
    return Setting(
        name=field.name,
        group=group,
        type=annotation,
        default=field.default if field.default_factory is NODEFAULT else field.default_factory(),
        doc=doc,
        environment=(
            *(prefix + field.name.upper() for prefix in env_prefixes),
            *(mark.extra["variable"] for mark in constraints if mark.extra and "variable" in mark.extra),
        ),
        optional=optional,
        secret=any((mark.extra or {}).get("secret") for mark in constraints),
        constraints=constraints,
        item_constraints=item_constraints,
    )


def _apart(annotation: Any) -> tuple[Any, tuple[Meta, ...]]:
    """A type, and the constraints that it is annotated with."""
    if get_origin(annotation) is not Annotated:
        return annotation, ()
    plain, *marks = get_args(annotation)
    return plain, tuple(mark for mark in marks if isinstance(mark, Meta))


def _items_apart(annotation: Any) -> tuple[Any, tuple[Meta, ...]]:
    """The type of a list or a mapping with plain items, and the constraints of these."""
    match get_origin(annotation):
        case origin if origin is tuple:
            item, constraints = _apart(get_args(annotation)[0])
            return tuple[item, ...], constraints  # type: ignore[valid-type]
        case origin if origin is dict:
            item, constraints = _apart(get_args(annotation)[1])
            return dict[str, item], constraints  # type: ignore[valid-type]
    return annotation, ()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingError(message.removeprefix("argument "))


def _refused_settings(config_type: type[CommonConfig], env_prefixes: Sequence[str]) -> Mapping[str, str]:
    """Why a setting of the original is refused, by each of its spellings."""
    spelled: dict[str, str] = {}
    for name, why in config_type.refused_settings.items():
        unknown = Setting(name=name, group="", type=str, default="", doc="", environment=())
        spelled |= dict.fromkeys(
            (unknown.flag, unknown.key, *(f"{one}{name.upper()}" for one in env_prefixes)), why
        )
    return spelled


def _from_flags(
    settings: Sequence[Setting], argv: Sequence[str], refused: Mapping[str, str]
) -> dict[str, Any]:
    parser = _Parser(prog="", allow_abbrev=False, add_help=False, argument_default=argparse.SUPPRESS)
    for setting in settings:
        if setting.type is bool:
            parser.add_argument(setting.flag, dest=setting.name, action="append", nargs="?", const="true")
            no = "--no-" + setting.flag.removeprefix("--")
            parser.add_argument(no, dest=setting.name, action="append_const", const="false")
        else:
            parser.add_argument(setting.flag, dest=setting.name, action="append")
    given, unknown = parser.parse_known_args(argv)
    if unknown:
        _refuse(unknown[0].partition("=")[0], [setting.flag for setting in settings], refused)
    return {
        setting.name: _checked(setting, setting.flag, getattr(given, setting.name), from_texts)
        for setting in settings
        if hasattr(given, setting.name)
    }


def _from_environment(
    settings: Sequence[Setting],
    environ: Mapping[str, str],
    prefixes: Sequence[str],
    refused: Mapping[str, str],
) -> dict[str, Any]:
    known = {name for setting in settings for name in setting.environment}
    for name in environ:
        ours = prefixes and name.startswith(prefixes[0])
        if ours and name not in known and not _SERVICE_LINK.fullmatch(name.removeprefix(prefixes[0])):
            _refuse(name, [setting.environment[0] for setting in settings], refused)
    found: dict[str, Any] = {}
    for setting in settings:
        for name in reversed(setting.environment):
            if text := environ.get(name):
                found[setting.name] = _checked(setting, name, [text], from_texts)
    return found


def _from_file(settings: Sequence[Setting], path: Path, refused: Mapping[str, str]) -> dict[str, Any]:
    by_key = {setting.key: setting for setting in settings if setting.name != "config"}
    found: dict[str, Any] = {}
    for key, value in _read_file(path).items():
        if key not in by_key:
            _refuse(str(key), list(by_key), refused, f" in {path}")
        setting = by_key[key]
        if value is None and setting.optional:
            found[setting.name] = None
        else:
            found[setting.name] = _checked(setting, f"{key} in {path}", value, from_yaml)
    return found


def _read_file(path: Path) -> dict[Any, Any]:
    try:
        return read_mapping(path)
    except BadFile as error:
        raise SettingError(str(error)) from None


def _checked(setting: Setting, where: str, raw: Any, read: Callable[[Any, Any], object]) -> object:
    try:
        value = read(setting.type, raw)
        for constraint in setting.constraints if value != setting.default else ():
            check(value, setting.type, constraint)
        for item in items_of(value):
            for constraint in setting.item_constraints:
                check(item, str, constraint)
    except Unfit as error:
        raise SettingError(_complaint(setting, where, error.value, error.wanted)) from None
    except BadValue as error:
        raise SettingError(_complaint(setting, where, error.value, allowed(setting.type))) from None
    return value


def _complaint(setting: Setting, where: str, value: object, wanted: str) -> str:
    for mark in setting.constraints:
        if why := (mark.extra or {}).get("refused", {}).get(value):
            return f"{where}: {value!r} is not supported: {why}"
    shown = HIDDEN if setting.secret else repr(value)
    return f"{where}: {shown} is not allowed: {wanted}{_did_you_mean(str(value), choices(setting.type))}"


def _refuse(name: str, known: Sequence[str], refused: Mapping[str, str], where: str = "") -> NoReturn:
    if why := refused.get(name):
        raise SettingError(f"{name}{where} is not supported: {why}")
    raise SettingError(f"{name}{where} is no setting{_did_you_mean(name, known) or '; see --help'}")


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
