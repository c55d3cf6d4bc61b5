"""Put a question to the daemons that can answer it."""

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
        return [await _ask_at(question.url.rstrip("/"), question.about)]
    async with KubeClient.connect(kubeconfig, user_agent="aws-addons-explain") as kube:
        daemons = Daemons(kube, namespace=question.namespace)
        return [answer async for answer in daemons.ask(question.about, only=question.only)]


async def _ask_at(url: str, about: str) -> Answer:
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as http:
            state, decisions = [
                await _read(http, f"{url}/api/{path}")
                for path in ("state", f"decisions?{urlencode({'object': about})}")
            ]
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
        raise SettingError(f"--url {url!r} is none: it should look like http://localhost:8182") from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unavailable(f"{url}: {str(error) or 'no answer in time'}") from error
    return read_answer(url, state, decisions)


async def _read(http: aiohttp.ClientSession, url: str) -> bytes:
    async with http.get(url) as reply:
        if reply.status != 200:
            raise Unavailable(f"{url}: {reply.status}")
        return await reply.read()
