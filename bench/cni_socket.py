"""How fast pods get and lose their network by cni: the C client, the socket, the journal, the wiring.

Run `python -m bench.cni_socket [KIND...]` as root. The servers are processes in a network of their own; all
take turns with Debian's Go `ptp` with `host-local`, and with `true`, which is what any process costs.
`socket` wires nothing: what is left is the client, the socket, the state of sandboxes and the journal.
`aiohttp` is the same on aiohttp's server, `cni` wires pods, `python` is the client's twin, without wiring.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from addons.cni.plugin.install import TWIN
from addons.sim.net import Namespace
from bench.plugins import PLUGINS, TRUE, Subject, compare, debian_ptp
from tests.support.cni_sandbox import pod_network
from tests.support.cni_server import SERVERS, CniServer, cni_server
from tests.support.cni_socket import released
from tests.support.namespaces import privileged

_START_SECONDS = 20.0


def subject(name: str, plugin: Path, folder: Path) -> Subject:
    config = {"cniVersion": "1.0.0", "name": "aws-cni", "type": "aws-addons-cni"}
    places = {"socket": str(folder / "cni.sock"), "spool": str(folder / "spool")}
    return Subject(name, plugin, config | places)


def clients(folder: Path) -> tuple[Path, Path]:
    """The C client as the image has it, and its twin."""
    twin = folder / "twin"
    twin.write_text(f"#!{Path(sys.executable).resolve()} -IS\n" + TWIN.read_text())
    twin.chmod(0o755)
    return released(), twin


def run(inside: Namespace, folder: Path, kinds: Sequence[str]) -> None:
    """Measure all kinds in turns, and what CPU their servers took."""
    compiled_client, twin = clients(folder)
    with ExitStack() as stack:
        servers: dict[str, CniServer] = {}
        subjects: list[Subject] = []
        for kind in kinds:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cni-", dir="/run")))
            servers[kind] = stack.enter_context(
                cni_server("socket" if kind == "python" else kind, place, inside)
            )
            subjects.append(subject(kind, twin if kind == "python" else compiled_client, place))
        if (PLUGINS / "ptp").exists():
            subjects.append(debian_ptp(folder))
        _wait_for(servers)
        before = {kind: server.cpu_seconds for kind, server in servers.items()}
        compare(inside, [*subjects, Subject("true", TRUE, {})])
        for kind, server in servers.items():
            print(f"{kind:>12} {server.cpu_seconds - before[kind]:.2f} s of CPU in the server")


def _wait_for(servers: dict[str, CniServer]) -> None:
    until = time.monotonic() + _START_SECONDS
    while not all(server.socket.exists() for server in servers.values()):
        if time.monotonic() > until:
            raise RuntimeError("a server does not start")
        time.sleep(0.05)


def main() -> None:
    if not privileged():
        print("cni is not measured: that needs root")
        return
    with tempfile.TemporaryDirectory() as folder, pod_network("node") as node:
        assert node.inside
        node.inside.set_kernel("ipv4/ip_forward", "1")
        run(node.inside, Path(folder), sys.argv[1:] or [*SERVERS, "python"])


if __name__ == "__main__":
    main()
