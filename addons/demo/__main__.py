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

from addons.demo import privilege
from addons.demo.cluster import Cluster
from addons.demo.script import LeftOut, Output, Played, Scene, Story, introduce, leave_out, play, print_table
from addons.demo.suite import charts
from addons.demo.suite.story import STORY as SUITE
from addons.demo.world import World, simulated_world
from addons.registry import daemons
from addons.runtime.kube import KubeClient

SINGLE: dict[str, Story[Any]] = {name: import_module(f"addons.demo.{name}").STORY for name in daemons()}
STORIES: dict[str, Story[Any]] = {SUITE.name: SUITE, **SINGLE}
_ON_NODES = ("suite", "cni", "iamproxy")
"""Stories with network namespaces."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 0 when every expectation was met, 1 when not, 130 when interrupted."""
    arguments = sys.argv[1:] if argv is None else argv
    options = _parser().parse_args(arguments)
    names = {story.name for story in options.stories} or set(_ON_NODES)
    if names & set(_ON_NODES) and not options.world and options.kubeconfig is None:
        command = (sys.executable, "-m", "addons.demo", *arguments)
        charts.keep_no_cache(command)
        privilege.enter_user_namespace(command)
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
        help=f"one to play: {', '.join(STORIES)}; else the first, in which all daemons are",
    )
    parser.add_argument("--all", action="store_true", help="play the first, and then all others side by side")
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
    cancel_on_signals()
    if options.world:
        async with simulated_world(options.kubeconfig) as world:
            print(world.directions(), flush=True)
            await _forever()
    played = await _play_in_worlds(options)
    results = {step.result for step in played}
    return 0 if "pass" in results and "FAIL" not in results else 1


async def _play_in_worlds(options: argparse.Namespace) -> list[Played]:
    """Play the story of all daemons in a world of its own, and single ones side by side in another one.

    Where the first was to be played and cannot be, the others stand in for it.
    """
    named = list(dict.fromkeys(options.stories)) or ([] if options.kubeconfig else [SUITE])
    others = [story for story in named if story is not SUITE]
    if options.all or not named:
        others = list(SINGLE.values())
    played: list[Played] = []
    if SUITE in named:
        async with simulated_world(options.kubeconfig, has_rights=True) as world:
            played += await _play(world, [SUITE], keep=options.keep and not others)
        if not options.stories and all(step.result == "left out" for step in played):
            others = list(SINGLE.values())
    if others:
        async with simulated_world(options.kubeconfig) as world:
            played += await _play(world, others, keep=options.keep, before=played)
    return played


async def _play(
    world: World, stories: Iterable[Story[Any]], *, keep: bool, before: Sequence[Played] = ()
) -> list[Played]:
    """Play the stories side by side: most of what happens in them is waiting.

    The table at the end has what was played `before`, too.
    """
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
        print_table([*before, *played])
        if keep:
            print(
                "\n".join(
                    [privilege.entrance(), world.directions(), *(scene.directions() for _, scene in scenes)]
                )
            )
            print("# Ctrl-C ends it", flush=True)
            await _forever()
    return played


def cancel_on_signals() -> None:
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
