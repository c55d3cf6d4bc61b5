"""`addons status`, and `kubectl addons status` where this is on the PATH."""

import argparse
import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from typing import NoReturn

from addons.explain.ask import check_daemon_at, check_where
from addons.explain.words import ELSEWHERE, place_of
from addons.runtime.cli import customary_kubeconfig, say
from addons.runtime.clock import utc_now
from addons.runtime.errors import OutsideError
from addons.runtime.kube import KubeClient
from addons.runtime.settings import SettingError
from addons.status.ask import Release, ask_at, ask_cluster
from addons.status.words import as_data, in_words

_WIDTH = 120
"""Characters of a line where the output is no terminal."""


def main(argv: Sequence[str]) -> int:
    """Ask and tell: 0 when all are well, 1 when something is not, 2 for a bad command line."""
    try:
        given = _parser().parse_args(argv)
        found = asyncio.run(_ask(given))
    except SettingError as error:
        sys.stderr.write(f"addons status: {error}\n")
        return 2
    except OutsideError as error:
        sys.stderr.write(f"addons status: {error.message}\n")
        return 1
    if not found:
        sys.stderr.write(f"addons status: {_nobody(given)}\n")
        return 1
    if given.output == "json":
        say(as_data(found))
    else:
        width = shutil.get_terminal_size((_WIDTH, 24)).columns
        say(in_words(found, width=width, rows=given.rows, now=utc_now()))
    return 1 if any(release.complaints for release in found) else 0


def _nobody(given: argparse.Namespace) -> str:
    """Why there is nothing to tell: no daemon is where it was looked for."""
    what = "a daemon that every node has" if given.node else "a daemon of ours"
    found = f"no pod of {place_of(given.daemons_in)} is {given.daemon or what}"
    if given.node:
        return f"{found}, on a node {given.node}"
    return f"{found}; {ELSEWHERE}"


async def _ask(given: argparse.Namespace) -> list[Release]:
    check_where(given.url, {"--daemons-in": given.daemons_in, "--node": given.node})
    if given.url:
        release = await ask_at(given.url.rstrip("/"))
        check_daemon_at(given.url, release.daemon, asked=given.daemon)
        return [release]
    kubeconfig = given.kubeconfig or customary_kubeconfig(os.environ)
    async with KubeClient.connect(kubeconfig, user_agent="aws-addons-status") as kube:
        return await ask_cluster(kube, namespace=given.daemons_in, only=given.daemon, node=given.node)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingError(message)


def _rows(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rows above 0")
    return int(text)


def _parser() -> _Parser:
    parser = _Parser(
        "addons status",
        description="Tell how the daemons of a cluster do: what their pages show.",
        epilog="Exit codes: 0 all are well, 1 something is not or cannot be asked, 2 bad command line.",
        allow_abbrev=False,
    )
    parser.add_argument("daemon", nargs="?", default="", metavar="DAEMON", help="this one alone, such as dns")
    parser.add_argument("--node", default="", help="of cni and iamproxy all about this node")
    parser.add_argument("--kubeconfig", default="", help="as kubectl has it")
    parser.add_argument(
        "--daemons-in", default="", metavar="NAMESPACE", help="look for daemons in this namespace"
    )
    parser.add_argument(
        "--url", default="", help="ask the daemon at this URL, of a port-forward for instance"
    )
    parser.add_argument("--rows", type=_rows, default=10, help="rows of each table (10)")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
