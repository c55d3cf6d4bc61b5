"""`addons demo`: start the simulated world, run the daemons in it, play their stories, and sum up."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

from addons.demo.cluster import Cluster
from addons.demo.script import LeftOut, Output, Played, Scene, Story, introduce, leave_out, play, print_table
from addons.demo.world import World, simulated_world
from addons.registry import daemons
from addons.runtime.kube import KubeClient

STORIES: dict[str, Story[Any]] = {name: import_module(f"addons.demo.{name}").STORY for name in daemons()}


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
    parser.add_argument(
        "stories",
        nargs="*",
        type=_story,
        metavar="STORY",
        help=f"one to play: {', '.join(STORIES)}; else all",
    )
    parser.add_argument("--world", action="store_true", help="only start the simulated world, until Ctrl-C")
    parser.add_argument(
        "--keep", action="store_true", help="after the stories leave everything running, until Ctrl-C"
    )
    parser.add_argument(
        "--kubeconfig",
        type=Path,
        metavar="FILE",
        help="use this cluster's API server in place of the emulator; the stories make, and remove, "
        "the namespace addons-demo there",
    )
    return parser


def _story(name: str) -> Story[Any]:
    if name not in STORIES:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(STORIES)}")
    return STORIES[name]


async def _run(options: argparse.Namespace) -> int:
    _cancel_on_signals()
    async with simulated_world(options.kubeconfig) as world:
        if options.world:
            print(world.directions(), flush=True)
            await _forever()
        stories = dict.fromkeys(options.stories or STORIES.values())
        played = await _play(world, stories, keep=options.keep)
    results = {step.result for step in played}
    return 0 if "pass" in results and "FAIL" not in results else 1


async def _play(world: World, stories: Iterable[Story[Any]], *, keep: bool) -> list[Played]:
    """Play the stories side by side: most of what happens in them is waiting."""
    left_out: list[Played] = []
    scenes: list[tuple[Story[Any], Scene]] = []
    async with AsyncExitStack() as stack:
        cluster = Cluster(await stack.enter_async_context(KubeClient.connect(str(world.kubeconfig))))
        await cluster.create_namespace()
        stack.push_async_callback(cluster.delete_namespace)
        for story in stories:
            introduce(story)
            try:
                scenes.append((story, await stack.enter_async_context(story.open(world, cluster))))
            except LeftOut as reason:
                left_out += leave_out(story, reason)
        output = Output()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(play(story, scene, output)) for story, scene in scenes]
        played = [step for task in tasks for step in task.result()] + left_out
        print_table(played)
        if keep:
            print("\n".join(["", world.directions(), *(scene.directions() for _, scene in scenes)]))
            print("# Ctrl-C ends it", flush=True)
            await _forever()
    return played


def _cancel_on_signals() -> None:
    """Turn the first signal into a cancellation; later ones do not keep the contexts from cleaning up."""
    task = asyncio.current_task()
    assert task is not None

    def end() -> None:
        if not task.cancelling():
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
            asyncio.get_running_loop().add_signal_handler(number, end)


async def _forever() -> None:
    await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
