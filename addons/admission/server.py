"""The server of a webhook: the API server asks about each new pod, and is answered with what to add to it."""

import asyncio
import json
import logging
import os
import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web
from msgspec import Struct
from prometheus_client import Counter

from addons.admission.certificates import KeyPair
from addons.runtime.settings import parse_listen

log = logging.getLogger(__name__)

_LARGEST = 4 << 20
"""Octets. The API server takes objects of 3 MiB at most."""


class Answer(Struct, frozen=True):
    """What becomes of a pod: a JSON patch (RFC 6902), and in one word, for the metric, what that means."""

    outcome: str
    patch: Sequence[Mapping[str, Any]] = ()


Reviewer = Callable[[Mapping[str, Any], str], Answer]
"""Answers for a pod that is about to be made, as it is written, in a namespace."""


class Webhook:
    """Answers reviews of pods over TLS; `use` changes the certificate while it serves.

    `reviews` counts them by outcome. One that cannot be read is refused, as `unreadable`.
    """

    def __init__(self, listen: str, answer: Reviewer, reviews: Counter) -> None:
        self._answer = answer
        self._reviews = reviews
        self._host, self._port = parse_listen(listen)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._has_certificate = asyncio.Event()

    def use(self, pair: KeyPair) -> None:
        """Show this certificate from the next connection on."""
        file = os.memfd_create(
            "webhook"
        )  # Python reads certificates from files only, and the root is read-only
        try:
            os.write(file, pair.certificate + pair.key)
            self._context.load_cert_chain(f"/proc/self/fd/{file}")
        finally:
            os.close(file)
        self._has_certificate.set()

    def not_ready(self) -> str:
        """Why nobody is answered, in words; empty when all are."""
        return "" if self._has_certificate.is_set() else "there is no certificate yet"

    async def serve(self, stopping: asyncio.Event) -> None:
        """Serve from the first certificate on until `stopping`."""
        waiting = {asyncio.ensure_future(each.wait()) for each in (self._has_certificate, stopping)}
        _, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        if stopping.is_set():
            return
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_post("/mutate", self._review)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._host or None, self._port, ssl_context=self._context)
            await site.start()
            await stopping.wait()
        finally:
            await runner.cleanup()

    async def _review(self, request: web.Request) -> web.Response:
        try:
            review = json.loads(await request.read())
            asked = review["request"]
            uid, pod, namespace = asked["uid"], asked["object"], asked.get("namespace", "")
            answer = self._answer(pod, namespace)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._reviews.labels("unreadable").inc()
            log.warning("webhook: a review cannot be read: %r", error)
            return web.json_response({"message": f"no AdmissionReview of a pod: {error!r}"}, status=400)
        self._reviews.labels(answer.outcome).inc()
        return web.json_response(_written(uid, answer.patch))


def _written(uid: str, patch: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    response: dict[str, Any] = {"uid": uid, "allowed": True}
    if patch:
        response |= {"patchType": "JSONPatch", "patch": b64encode(json.dumps(patch).encode()).decode()}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
