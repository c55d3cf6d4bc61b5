"""`addons demo`: start the simulated world, run the daemons in it, play the story, and sum up."""

import argparse
import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from addons.demo import dns
from addons.demo.cluster import Cluster
from addons.demo.daemon import Daemon, running
from addons.demo.script import Played, play, print_table
from addons.demo.world import World, simulated_world
from addons.runtime.kube import KubeClient


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 0 when every expectation was met, 1 when not, 130 when interrupted."""
    options = _parser().parse_args(argv)
    try:
        return asyncio.run(_run(options))
    except asyncio.CancelledError:
        print("\ninterrupted; everything is ended")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="addons demo", description=__doc__)
    parser.add_argument("--world", action="store_true", help="only start the simulated world, until Ctrl-C")
    parser.add_argument(
        "--keep", action="store_true", help="after the story leave everything running, until Ctrl-C"
    )
    parser.add_argument(
        "--kubeconfig",
        type=Path,
        metavar="FILE",
        help="use this cluster's API server in place of the emulator; the story makes, and removes, "
        "the namespace addons-demo there",
    )
    return parser


async def _run(options: argparse.Namespace) -> int:
    _cancel_on_signals()
    async with simulated_world(options.kubeconfig) as world:
        if options.world:
            print(world.directions(), flush=True)
            await _forever()
        played = await _play(world, keep=options.keep)
    return 0 if all(result.passed for result in played) else 1


async def _play(world: World, *, keep: bool) -> list[Played]:
    dns.furnish(world)
    daemon = Daemon(world, "dns", dns.arguments(world), _free_port())
    async with KubeClient.connect(str(world.kubeconfig)) as kube:
        cluster = Cluster(kube)
        await cluster.create_namespace()
        try:
            async with running(daemon):
                steps = dns.Story(world, cluster, daemon).steps()
                played = await play(steps)
                print_table(steps, played)
                if not all(result.passed for result in played):
                    print(f"\nthe end of {daemon.name}'s log:\n{daemon.tail()}")
                if keep:
                    print(
                        f"\n{world.directions()}\n# the daemon's page: {daemon.url}/\n# Ctrl-C ends it",
                        flush=True,
                    )
                    await _forever()
        finally:
            await asyncio.shield(cluster.delete_namespace())
    return played


def _cancel_on_signals() -> None:
    """Turn the first SIGINT or SIGTERM into a cancellation, so that every context gets to clean up."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _forever() -> None:
    await asyncio.Event().wait()


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


if __name__ == "__main__":
    sys.exit(main())
