"""What each request is answered: from memory where possible, else after a short wait for what is missing."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec
from prometheus_client import Counter, Histogram

from addons.iamproxy import names
from addons.iamproxy.cache.addresses import Addresses
from addons.iamproxy.cache.credentials import CredentialCache
from addons.iamproxy.model.credentials import Credentials, Denial
from addons.iamproxy.model.verdicts import Grant, PodIdentity, Refusal, Verdict
from addons.iamproxy.server import answers, instance
from addons.iamproxy.server.answers import Answer
from addons.iamproxy.server.audit import Audit
from addons.iamproxy.server.limits import ServerLimits
from addons.iamproxy.server.node_keys import NodeKeys, Values
from addons.iamproxy.server.requests import TOKEN, TTL, Request
from addons.iamproxy.server.routes import Kind, Route, Routes
from addons.iamproxy.server.tokens import Tokens, parse_ttl
from addons.iamproxy.server.validation import validate
from addons.runtime.clock import rfc3339, utc_now

_REQUESTS = Counter("addons_iamproxy_requests_total", "Requests of pods.", ["route", "status", "reason"])
_WAITS = Histogram(
    "addons_iamproxy_wait_seconds",
    "Time for which requests waited for what was not in memory.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.9),
)

_HEALTHY = answers.text(b"ok")
_CHECK_SECONDS = 0.05
"""Time to ask the network whose the address is in the end, when waiting has used up all there was."""

_TTL_HEADER = b"X-Aws-Ec2-Metadata-Token-Ttl-Seconds: %d\r\n"
_OF_THE_NODE = frozenset({Kind.IDENTITY, Kind.NODE_KEY})


class Metadata:
    """Answers requests for metadata.

    Whose a request is follows from the address it comes from, and is looked up anew for each. What pods are
    told comes from constants, from their grant, and from a few harmless keys of the node: nothing of a
    request is ever passed on.
    """

    def __init__(
        self,
        *,
        addresses: Addresses,
        credentials: CredentialCache,
        tokens: Tokens,
        audit: Audit,
        routes: Routes,
        node_keys: NodeKeys,
        limits: ServerLimits,
        imdsv2: Literal["optional", "required"],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._addresses = addresses
        self._cache = credentials
        self._tokens = tokens
        self._audit = audit
        self.refusals = audit.refusals
        self._routes = routes
        self._node_keys = node_keys
        self.limits = limits
        self._needs_token = imdsv2 == "required"
        self._now = now
        self._counters: dict[tuple[Kind | None, int, str], Counter] = {}

    def answer_now(self, request: Request) -> Answer | None:
        """Answer from memory; None when something is not there yet and `answer_later` must be asked."""
        route = self._routes.find(request.target)
        if found := validate(request, route):
            answer: Answer | None = self._refuse(request, route, found)
        else:
            assert route is not None
            answer = self._answer_from_memory(request, route)
        if answer is not None:
            self._count(route, answer)
        return answer

    async def answer_later(self, request: Request) -> Answer:
        """Answer a request that has passed `answer_now`, within the time that SDKs are ready to wait."""
        route = self._routes.find(request.target)
        assert route is not None
        can_do_without = route.kind is Kind.TOKEN and not self._needs_token
        seconds = self.limits.put_wait_seconds if can_do_without else self.limits.get_wait_seconds
        loop = asyncio.get_running_loop()
        began = loop.time()
        answer = await self._answer_in_time(request, route, began + seconds)
        _WAITS.observe(loop.time() - began)
        self._count(route, answer)
        return answer

    def reject(self, ip: str, answer: Answer, *, is_told: bool) -> Answer:
        """Take note of an answer to what was too much, or no proper HTTP; the audit hears if `is_told`."""
        self._count(None, answer)
        if is_told:
            holder = self._addresses.find(ip)
            self._audit.rejected(ip, holder.pod if holder else None, answer)
        return answer

    def _answer_from_memory(self, request: Request, route: Route) -> Answer | None:
        if route.kind is Kind.HEALTH:
            return _HEALTHY
        holder = self._addresses.find(request.peer.ip)
        return None if holder is None else self._answer_holder(request, route, holder)

    async def _answer_in_time(self, request: Request, route: Route, deadline: float) -> Answer:
        loop = asyncio.get_running_loop()
        ip = request.peer.ip
        holder = await self._addresses.wait(ip, deadline - loop.time())
        if holder is None:
            message = "it is not known yet which pod has this address"
            return self._refuse(request, route, Refusal(None, names.POD_UNKNOWN, message, 503))
        if (answer := self._answer_holder(request, route, holder)) is not None:
            return answer
        if route.kind in _OF_THE_NODE:
            values = await self._node_keys.get(route.keys, deadline - loop.time())
            return self._node_answer(request, route, holder, values)
        assert isinstance(holder, Grant)
        outcome = await self._cache.get(holder.key, deadline - loop.time())
        # The address may be another pod's by now, which would get what is sent.
        if await self._addresses.wait(ip, max(deadline - loop.time(), _CHECK_SECONDS)) != holder:
            message = "the address went from one pod to another meanwhile"
            return self._refuse(request, route, Refusal(holder.pod, names.ADDRESS_CHANGED, message, 503))
        return self._answer_outcome(request, route, holder, outcome)

    def _answer_holder(self, request: Request, route: Route, holder: Verdict) -> Answer | None:
        """Answer the pod that has the address; None when something else is to be waited for."""
        if isinstance(holder, Refusal) and holder.pod is None:
            return self._refuse(request, route, holder)
        pod = holder.pod
        assert pod is not None
        if route.kind is Kind.TOKEN:
            return self._issue_token(request, pod)
        if found := self._check_token(request, pod, needed=self._needs_token or holder.needs_token):
            return self._refuse(request, route, found)
        if route.kind is Kind.LISTING:
            return answers.text("\n".join(route.names).encode())
        if route.kind is Kind.INSTANCE_ID:
            return answers.text(instance.instance_id(pod).encode())
        if route.kind in _OF_THE_NODE:
            values = self._node_keys.find(route.keys)
            return None if values is None else self._node_answer(request, route, holder, values)
        if isinstance(holder, Refusal):
            return self._refuse(request, route, holder)
        return self._answer_grant(request, route, holder)

    def _answer_grant(self, request: Request, route: Route, grant: Grant) -> Answer | None:
        if route.kind is Kind.INFO:
            return answers.text(instance.profile_info(grant, self._now()))
        if route.kind is not Kind.ROLES and route.role not in (grant.role_name, grant.key.role_arn):
            message = f"this pod has the role {grant.role_name}, not {route.role}"
            mismatch = Refusal(grant.pod, names.ROLE_MISMATCH, message, 403, role=route.role)
            return self._refuse(request, route, mismatch)
        held = self._cache.find(grant.key)
        return None if held is None else self._answer_outcome(request, route, grant, held)

    def _answer_outcome(
        self, request: Request, route: Route, grant: Grant, outcome: Credentials | Denial | None
    ) -> Answer:
        """Answer with what STS gave, or with what it is when the time is over.

        The name of the role is told no sooner: SDKs ask for the name and then for the credentials, which
        gives STS the time of two requests, almost two seconds with botocore.
        """
        if route.kind is Kind.ROLES:
            return answers.text(grant.role_name.encode())
        return self._credentials(request, route, grant, outcome)

    def _issue_token(self, request: Request, pod: PodIdentity) -> Answer:
        ttl = parse_ttl(request.headers[TTL])
        assert ttl is not None
        return answers.text(self._tokens.issue(pod.uid, ttl), _TTL_HEADER % ttl)

    def _check_token(self, request: Request, pod: PodIdentity, *, needed: bool) -> Refusal | None:
        token = request.headers.get(TOKEN)
        if token is None:
            if not needed:
                return None
            message = "a session token is needed: PUT /latest/api/token gives one"
            return Refusal(pod, names.TOKEN_MISSING, message, 401)
        if self._tokens.is_valid(token, pod.uid):
            return None
        return Refusal(pod, names.TOKEN_INVALID, "the session token is not this pod's, or has expired", 401)

    def _credentials(
        self, request: Request, route: Route, grant: Grant, outcome: Credentials | Denial | None
    ) -> Answer:
        if isinstance(outcome, Credentials):
            self._audit.issued(request.peer.ip, grant, outcome)
            return answers.text(outcome.extended if route.extended else outcome.body)
        if outcome is None:
            message = f"STS has given no credentials for {grant.role_name} yet"
            late = Refusal(grant.pod, names.CREDENTIALS_LATE, message, 503, role=grant.key.role_arn)
            return self._refuse(request, route, late)
        denial = {
            "Code": outcome.code,
            "Message": outcome.message,
            "LastUpdated": rfc3339(self._now()),
        }
        answer = msgspec.structs.replace(
            answers.text(msgspec.json.encode(denial)), reason=names.CREDENTIALS_DENIED
        )
        self._audit.refused(request, grant.pod, answer, outcome.message, role=grant.key.role_arn)
        return answer

    def _node_answer(self, request: Request, route: Route, holder: Verdict, values: Values | None) -> Answer:
        if values is None:
            return self._refuse(request, route, Refusal(holder.pod, names.NODE_KEY_UNAVAILABLE, "", 503))
        if route.kind is Kind.IDENTITY:
            return answers.text(instance.identity_document(holder, values))
        (text,) = values.values()
        if text is None:
            return self._refuse(request, route, Refusal(holder.pod, names.UNLISTED_PATH, "", 404))
        return answers.text(text.encode())

    def _refuse(self, request: Request, route: Route | None, refusal: Refusal) -> Answer:
        headers = b""
        if refusal.status == 405 and route is not None:
            headers = b"Allow: %b\r\n" % b", ".join(sorted(route.methods))
        answer = answers.refusal(refusal.status, refusal.reason, refusal.message, headers)
        pod = refusal.pod
        if pod is None and (holder := self._addresses.find(request.peer.ip)):
            pod = holder.pod
        self._audit.refused(request, pod, answer, refusal.message, role=refusal.role)
        return answer

    def _count(self, route: Route | None, answer: Answer) -> None:
        kind = route.kind if route else None
        key = (kind, answer.status, answer.reason)
        counter = self._counters.get(key)
        if counter is None:
            name = kind.value if kind else "none"
            counter = self._counters[key] = _REQUESTS.labels(name, str(answer.status), answer.reason)
        counter.inc()
