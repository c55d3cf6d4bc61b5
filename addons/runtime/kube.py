"""The door to the Kubernetes API: bytes in, partial objects out, typed errors for all that goes wrong."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import msgspec

from addons.runtime.decoding import decode
from addons.runtime.errors import Expired, Unavailable
from addons.runtime.kube_access import access_source
from addons.runtime.objects import PODS, SERVICE_ACCOUNTS, KubeObject, Part, Resource
from addons.runtime.transport import Transport

T = TypeVar("T")

PAGE_SIZE = 500
_LIST_SECONDS = 60.0


class ListMeta(Part, frozen=True):
    """The version a list shows, and the token of its next page; an empty token ends it."""

    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class Page(Part, frozen=True):
    """Some objects of a collection, still as bytes."""

    metadata: ListMeta = ListMeta()
    items: tuple[msgspec.Raw, ...] = ()


class IssuedToken(Part, frozen=True):
    """A ServiceAccount's token and when it expires. The token never shows in messages."""

    token: str
    expiration_timestamp: datetime

    def __repr__(self) -> str:
        return f"IssuedToken(expiration_timestamp={self.expiration_timestamp})"


class _TokenRequest(Part, frozen=True):
    status: IssuedToken


class KubeClient:
    """The verbs of one API server. All raise an OutsideError, and nothing else, when they fail.

    Nothing is retried here but a 401 (see Transport): whether and when to try again is the caller's matter.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, kubeconfig: str = "", *, user_agent: str = "aws-addons"
    ) -> AsyncIterator["KubeClient"]:
        """Open a client for the cluster that the file `kubeconfig` names, or else the one we run in.

        Raises SettingError when there is no usable configuration. No request is made yet.
        """
        async with Transport.connect(access_source(kubeconfig), user_agent=user_agent) as transport:
            yield cls(transport)

    @property
    def clock_difference(self) -> float:
        """Seconds by which the API server's clock is ahead of ours at least; below 0: behind."""
        return self._transport.clock_difference

    async def get(self, resource: Resource, type_: type[T], *, namespace: str = "", name: str) -> T:
        """Read one object."""
        what = _describe("get", resource, namespace, name)
        return _read(what, await self._transport.request(what, "GET", resource.path(namespace, name)), type_)

    async def list(
        self,
        resource: Resource,
        type_: type[T],
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
    ) -> list[T]:
        """Read a whole collection, page by page; one object that cannot be read fails it (Unavailable).

        For collections of unknown size or with foreign objects a Reflector is the better reader.
        """
        what = _describe("list", resource, namespace)
        read = partial(
            self.list_page,
            resource,
            namespace=namespace,
            label_selector=label_selector,
            field_selector=field_selector,
        )
        found: list[T] = []
        try:
            page = await read(limit=PAGE_SIZE)
            found += [_read(what, item, type_) for item in page.items]
            while page.metadata.continue_:
                page = await read(limit=PAGE_SIZE, continue_=page.metadata.continue_)
                found += [_read(what, item, type_) for item in page.items]
        except Expired:
            found = [_read(what, item, type_) for item in (await read()).items]
        return found

    async def list_page(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_: str = "",
        resource_version: str = "",
    ) -> Page:
        """Read one page of at most `limit` objects (0: all of them), undecoded.

        `resource_version` "0" accepts any version the server has at hand, "" asks for the latest.
        Raises Expired when the token `continue_` is too old.
        """
        what = _describe("list", resource, namespace)
        query = {
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
            "limit": str(limit or ""),
            "continue": continue_,
            "resourceVersion": "" if continue_ else resource_version,
        }
        body = await self._transport.request(
            what, "GET", resource.path(namespace), query, seconds=_LIST_SECONDS
        )
        return _read(what, body, Page)

    async def watch(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        timeout_seconds: int = 300,
        silence_seconds: float = 120.0,
        initial_events: bool = False,
    ) -> AsyncGenerator[bytes, None]:
        """Yield the lines of a watch until the server ends it, after `timeout_seconds` at the latest.

        With `initial_events` the present objects come first, as a streaming list. Bookmarks are asked for;
        they come about once a minute, so a watch that is silent for `silence_seconds` is taken for dead
        (Unavailable). Raises LineTooLong for a line that cannot be an event.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
            "resourceVersion": resource_version,
            "timeoutSeconds": str(timeout_seconds),
            "sendInitialEvents": "true" if initial_events else "",
            "resourceVersionMatch": "NotOlderThan" if initial_events else "",
        }
        what = _describe("watch", resource, namespace)
        path = resource.path(namespace)
        async with aclosing(
            self._transport.lines(what, path, query, silence_seconds=silence_seconds)
        ) as lines:
            async for line in lines:
                yield line

    async def create(
        self, resource: Resource, body: object, *, namespace: str = "", dry_run: bool = False
    ) -> KubeObject:
        """Create the object `body` (a Struct or a dict); raises AlreadyExists. Answers its metadata.

        With `dry_run` the server judges the request and does not carry it out.
        """
        what = _describe("create", resource, namespace)
        reply = await self._transport.request(
            what, "POST", resource.path(namespace), _dry_run_query(dry_run), body=body
        )
        return _read(what, reply, KubeObject)

    async def merge_patch(
        self,
        resource: Resource,
        body: object,
        *,
        namespace: str = "",
        name: str,
        subresource: str = "",
        dry_run: bool = False,
    ) -> KubeObject:
        """Change the fields that `body` names; null deletes one, lists are replaced whole (RFC 7386).

        A `metadata.resourceVersion` in `body` is a precondition: raises Conflict when it is not current.
        With `dry_run` the server judges the request and does not carry it out.
        """
        what = _describe("patch", resource, namespace, name)
        path = resource.path(namespace, name, subresource)
        reply = await self._transport.request(
            what, "PATCH", path, _dry_run_query(dry_run), body=body, content="application/merge-patch+json"
        )
        return _read(what, reply, KubeObject)

    async def strategic_patch(
        self, resource: Resource, body: object, *, namespace: str = "", name: str, subresource: str = ""
    ) -> KubeObject:
        """Change the fields that `body` names; lists that have a key are merged item by item.

        For resources of Kubernetes itself only: custom ones have no such keys.
        """
        what = _describe("patch", resource, namespace, name)
        path = resource.path(namespace, name, subresource)
        reply = await self._transport.request(
            what, "PATCH", path, body=body, content="application/strategic-merge-patch+json"
        )
        return _read(what, reply, KubeObject)

    async def apply(
        self,
        resource: Resource,
        body: object,
        *,
        namespace: str = "",
        name: str,
        field_manager: str,
        force: bool = True,
        subresource: str = "",
    ) -> KubeObject:
        """Make `field_manager` own exactly the fields that `body` names (server-side apply).

        Without `force` raises Conflict when another manager owns one of them.
        """
        what = _describe("apply", resource, namespace, name)
        path = resource.path(namespace, name, subresource)
        query = {"fieldManager": field_manager, "force": "true" if force else "false"}
        reply = await self._transport.request(
            what, "PATCH", path, query, body=body, content="application/apply-patch+yaml"
        )
        return _read(what, reply, KubeObject)

    async def delete(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        name: str,
        uid: str = "",
        grace_period_seconds: int | None = None,
    ) -> None:
        """Delete one object; with `uid` only if it is still that one (Conflict otherwise)."""
        what = _describe("delete", resource, namespace, name)
        options = _delete_options(uid, grace_period_seconds)
        await self._transport.request(what, "DELETE", resource.path(namespace, name), body=options)

    async def evict(
        self, namespace: str, name: str, *, uid: str = "", grace_period_seconds: int | None = None
    ) -> None:
        """Delete a pod the way that honours budgets.

        Raises Throttled with code DisruptionBudget when a budget forbids it for now.
        """
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
            "deleteOptions": _delete_options(uid, grace_period_seconds),
        }
        what = _describe("evict", PODS, namespace, name)
        await self._transport.request(what, "POST", PODS.path(namespace, name, "eviction"), body=body)

    async def token(
        self, namespace: str, service_account: str, *, audiences: tuple[str, ...], expiration_seconds: int
    ) -> IssuedToken:
        """Have the API server issue a token that speaks for a ServiceAccount towards `audiences`."""
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": list(audiences), "expirationSeconds": expiration_seconds},
        }
        what = _describe("issue token for", SERVICE_ACCOUNTS, namespace, service_account)
        path = SERVICE_ACCOUNTS.path(namespace, service_account, "token")
        return _read(what, await self._transport.request(what, "POST", path, body=body), _TokenRequest).status

    async def proxied(
        self, namespace: str, pod: str, port: int, path: str, query: Mapping[str, str], type_: type[T]
    ) -> T:
        """Read JSON that a pod serves over HTTP, through the API server: we need not reach the pod."""
        what = f"{_describe('get', PODS, namespace, pod)} port {port} /{path}"
        where = PODS.path(namespace, f"{pod}:{port}", f"proxy/{path}")
        return _read(what, await self._transport.request(what, "GET", where, query), type_)


def _describe(verb: str, resource: Resource, namespace: str, name: str = "") -> str:
    """How messages call a request: "get services default/web"."""
    return " ".join(part for part in (verb, str(resource), "/".join(filter(None, (namespace, name)))) if part)


def _dry_run_query(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def _read(what: str, data: bytes | msgspec.Raw, type_: type[T]) -> T:
    try:
        return decode(data, type_)
    except msgspec.MsgspecError as error:
        raise Unavailable(f"{what}: cannot read the answer: {error}") from error


def _delete_options(uid: str, grace_period_seconds: int | None) -> dict[str, Any]:
    options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
    if uid:
        options["preconditions"] = {"uid": uid}
    if grace_period_seconds is not None:
        options["gracePeriodSeconds"] = grace_period_seconds
    return options
