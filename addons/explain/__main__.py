"""`addons explain KIND/NAMESPACE/NAME`, and `kubectl addons explain ...` where this is on the PATH."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from addons.explain.ask import Question, ask_daemons, check_where
from addons.explain.daemons import Answer
from addons.explain.words import ELSEWHERE, as_data, in_words, place_of
from addons.runtime.cli import customary_kubeconfig, say
from addons.runtime.errors import OutsideError
from addons.runtime.kube_access import namespace_of_context
from addons.runtime.settings import SettingError

_KINDS = {
    "svc": "service",
    "ing": "ingress",
    "ingresses": "ingress",
    "po": "pod",
    "tgb": "targetgroupbinding",
    "no": "node",
    "ns": "namespace",
}
_CLUSTER_KINDS = ("node", "namespace")


def main(argv: Sequence[str]) -> int:
    """Ask and tell: 0, 2 for a bad command line, 3 when no daemon could tell."""
    try:
        given = _parser().parse_args(argv)
        check_where(given.url, {"--daemons-in": given.daemons_in})
        kubeconfig = given.kubeconfig or customary_kubeconfig(os.environ)
        namespace = given.namespace
        if given.object.count("/") == 1 and not namespace:
            namespace = "default" if given.url else namespace_of_context(kubeconfig)
        about = object_of(given.object, namespace)
        question = Question(about, only=given.daemon, namespace=given.daemons_in, url=given.url)
        answers = asyncio.run(ask_daemons(question, kubeconfig))
    except SettingError as error:
        sys.stderr.write(f"addons explain: {error}\n")
        return 2
    except OutsideError as error:
        sys.stderr.write(f"addons explain: {error.message}\n")
        return 3
    if not answers:
        which = question.only or "a daemon of ours"
        found = f"no pod of {place_of(question.namespace)} is {which} that has to do with it"
        sys.stderr.write(f"addons explain: {found}; {ELSEWHERE}\n")
        return 3
    say((as_data if given.output == "json" else in_words)(about, answers))
    return 0 if any(map(_is_told, answers)) else 3


def _is_told(answer: Answer) -> bool:
    return not answer.problem


def object_of(text: str, namespace: str) -> str:
    """What daemons call an object: its kind as one, the namespace where it has one, and its name."""
    kind, *place = text.lower().split("/")
    kind, _, _ = kind.partition(".")  # no two kinds that are read differ in their API group alone
    kind = _KINDS.get(kind, kind.removesuffix("s") if kind not in _KINDS.values() else kind)
    if kind not in _CLUSTER_KINDS and len(place) == 1:
        place = [namespace, *place]
    if not all((kind, *place)) or len(place) != (1 if kind in _CLUSTER_KINDS else 2):
        raise SettingError(f"{text!r} is no object: KIND/NAMESPACE/NAME, such as service/shop/web")
    return "/".join((kind, *place))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingError(message)


def _parser() -> _Parser:
    parser = _Parser(
        "addons explain",
        description="Tell why an object has its records, rules, role or address, or none, and what to do.",
        allow_abbrev=False,
    )
    parser.add_argument("object", metavar="KIND/NAMESPACE/NAME", help="such as service/shop/web")
    where = "where the object is, if only KIND/NAME is given; else the namespace of the kubeconfig counts"
    parser.add_argument("-n", "--namespace", default="", help=where)
    parser.add_argument("--kubeconfig", default="", help="as kubectl has it")
    parser.add_argument("--daemon", default="", help="ask this one alone, such as dns")
    parser.add_argument(
        "--daemons-in", default="", metavar="NAMESPACE", help="look for daemons in this namespace"
    )
    parser.add_argument(
        "--url", default="", help="ask the daemon at this URL, of a port-forward for instance"
    )
    parser.add_argument("--output", choices=("text", "json"), default="text")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
