"""The plugin and its configuration, put where the container runtime looks.

The C client is compiled when the image is built, to `lib/aws-addons/aws-addons-cni` below Python's own folder
(see Dockerfile), and needs nothing on the host. Where nobody has compiled it the Python twin is installed in
its place, which needs `/usr/bin/python3` on the host: a container cannot see whether the host has it, so this
is told as a warning, and pods' Events tell the rest.

The configuration is written last, and only when pods can start: its being there has the kubelet call the node
ready. It is never taken away at the end: without it no pod can be deleted. containerd notices neither a file
that is moved in from another folder nor a new folder, so it is written under another name in the same folder.
"""

import json
import logging
import os
import sys
from pathlib import Path

from addons.cni import names
from addons.cni.config import Config
from addons.runtime.settings import SettingError

log = logging.getLogger(__name__)

COMPILED = Path(sys.prefix) / "lib" / "aws-addons" / names.PLUGIN
TWIN = Path(__file__).with_name("client.py")

_VERSIONS = ("0.4.0", "1.0.0", "1.1.0")
_CAPABILITIES = {
    "portmap": {"portMappings": True},
    "bandwidth": {"bandwidth": True},
    "tuning": {"mac": True},
}


def spool_of(config: Config) -> Path:
    """Give the folder in which plugins write down what the daemon is to do when it is back."""
    return Path(config.state_dir) / "spool"


def install_plugin(config: Config, *, compiled: Path = COMPILED) -> Path:
    """Put the client where the runtime looks for plugins, in one step; give its path. Raises SettingError."""
    source = compiled if compiled.is_file() else TWIN
    if source == TWIN:
        log.warning("plugin: %s was not compiled; its twin needs /usr/bin/python3 on the host", compiled)
    folder = Path(config.cni_bin_dir)
    target = folder / names.PLUGIN
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(target, source.read_bytes(), 0o755)
    except OSError as error:
        raise SettingError(f"--cni-bin-dir {folder}: {error.strerror or error}") from error
    log.info("plugin: %s installed", target)
    return target


def write_conflist(config: Config) -> Path:
    """Tell the runtime that pods can start; nothing is written where it says the same already.

    Raises SettingError where it cannot be written.
    """
    folder = Path(config.cni_conf_dir)
    path = folder / names.CONFLIST
    content = json.dumps(conflist(config, _present(config)), indent=2).encode() + b"\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.is_file() and path.read_bytes() == content:
            return path
        _replace(path, content, 0o600)
    except OSError as error:
        raise SettingError(f"--cni-conf-dir {folder}: {error.strerror or error}") from error
    log.info("network configuration: %s written", path)
    return path


def conflist(config: Config, chained: tuple[str, ...]) -> dict[str, object]:
    """Give the network configuration: ours first, then the chained plugins.

    containerd before 2.1 reads `cniVersion`, newer runtimes the highest that they know of `cniVersions`.
    """
    ours = {"type": names.PLUGIN, "socket": config.socket, "spool": str(spool_of(config))}
    others = [_chained(name) for name in chained]
    return {
        "cniVersion": config.cni_version,
        "cniVersions": list(_VERSIONS),
        "name": names.NETWORK,
        "plugins": [ours, *others],
    }


def _chained(name: str) -> dict[str, object]:
    capabilities = _CAPABILITIES.get(name)
    return {"type": name, "capabilities": capabilities} if capabilities else {"type": name}


def _present(config: Config) -> tuple[str, ...]:
    """Leave out chained plugins that the host does not have: no pod could start."""
    wanted = tuple(name for name in config.chained_plugins if name != "none")
    missing = [name for name in wanted if not (Path(config.cni_bin_dir) / name).is_file()]
    for name in missing:
        log.warning("--chained-plugins %s: it is not in %s, and left out", name, config.cni_bin_dir)
    return tuple(name for name in wanted if name not in missing)


def _replace(target: Path, content: bytes, mode: int) -> None:
    """Put a whole file in the place of the old one. A plugin that runs meanwhile keeps the old one."""
    new = target.with_name(f".{target.name}.new")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(file, view) :]
        os.fchmod(file, mode)
        os.fsync(file)
    finally:
        os.close(file)
    new.replace(target)
