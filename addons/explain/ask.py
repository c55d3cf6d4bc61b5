"""Put a question to the daemons that can answer it."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp

from addons.explain.daemons import Answer, Daemons, read_answer
from addons.runtime.errors import Unavailable
from addons.runtime.kube import KubeClient
from addons.runtime.settings import SettingError

_SECONDS = 10.0


@dataclass(frozen=True)
class Question:
    """What is asked about, kind/namespace/name, and of which daemons; of all, if nothing is said."""

    about: str
    only: str = ""
    namespace: str = ""
    url: str = ""


async def ask_daemons(question: Question, kubeconfig: str) -> list[Answer]:
    """The answers. Raises OutsideError, or SettingError where there is no way to the cluster."""
    if question.url:
        answer = await _ask_at(question.url.rstrip("/"), question.about)
        check_daemon_at(question.url, answer.daemon, asked=question.only)
        return [answer]
    async with KubeClient.connect(kubeconfig, user_agent="aws-addons-explain") as kube:
        daemons = Daemons(kube, namespace=question.namespace)
        return [answer async for answer in daemons.ask(question.about, only=question.only)]


async def _ask_at(url: str, about: str) -> Answer:
    state, decisions = await fetch(url, "state", f"decisions?{urlencode({'object': about})}")
    return read_answer(url, state, decisions)


def check_daemon_at(url: str, found: str, *, asked: str) -> None:
    """Raise SettingError where a URL was named together with a daemon that is not the one there."""
    if asked not in ("", found):
        raise SettingError(f"at --url {url!r} is {found or 'no daemon'}, not {asked}")


def check_where(url: str, flags: Mapping[str, str]) -> None:
    """Raise SettingError where a URL is given together with flags that look for daemons in a cluster."""
    if url and (given := [name for name, value in flags.items() if value]):
        raise SettingError(
            f"{' and '.join(given)}: looks in a cluster, and --url asks one daemon; leave one of them out"
        )


async def fetch(url: str, *paths: str) -> list[bytes]:
    """Read what a daemon at a URL serves below /api. Raises SettingError for what is no URL, OutsideError."""
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as http:
            return [await _read(http, f"{url}/api/{path}") for path in paths]
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
        raise SettingError(f"--url {url!r} is none: it should look like http://localhost:8182") from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unavailable(f"{url}: {str(error) or 'no answer in time'}") from error


async def _read(http: aiohttp.ClientSession, url: str) -> bytes:
    async with http.get(url) as reply:
        if reply.status == 404:
            raise Unavailable(f"{url}: there is none (404); at this --url is no daemon of ours")
        if reply.status != 200:
            raise Unavailable(f"{url}: {reply.status}")
        return await reply.read()
