"""How fast the API emulator is: a list of 10,000 pods, creates with watchers, and single reads.

Run `python bench/kubeapi.py`; client and server share one process and one event loop.
"""

import asyncio
import json
import time
from typing import Any

import aiohttp

from addons.sim.kubeapi.server import KubeApi

PODS = 10_000
CREATES = 3_000
WATCHERS = 5
READS = 1_000
PATH = "/api/v1/namespaces/default/pods"


def pod(name: str, size: int) -> dict[str, Any]:
    """A pod of about `size` bytes."""
    env = [{"name": f"V{i}", "value": "x" * 80} for i in range(max(size - 1_000, 0) // 115)]
    container = {"name": "main", "image": "example.org/app:1", "env": env}
    spec = {"containers": [container], "nodeName": "node-1"}
    return {"metadata": {"name": name, "labels": {"app": "bench"}}, "spec": spec}


async def list_pods(http: aiohttp.ClientSession, api: KubeApi) -> None:
    """Read all pods in one list, and in pages of 500."""
    for index in range(PODS):
        api.store.create("v1", "pods", pod(f"pod-{index}", 8_000))
    began = time.perf_counter()
    async with http.get(PATH) as response:
        size = len(await response.read())
    print(f"list of {PODS} pods, {size / 1e6:.0f} MB: {time.perf_counter() - began:.2f} s")
    began, token, pages = time.perf_counter(), "", 0
    while pages == 0 or token:
        async with http.get(PATH, params={"limit": "500", "continue": token}) as response:
            head = (await response.read())[:400].partition(b',"items"')[0] + b"}"
        token = json.loads(head)["metadata"].get("continue", "")
        pages += 1
    print(f"the same in {pages} pages: {time.perf_counter() - began:.2f} s")


async def watch(http: aiohttp.ClientSession, seen: list[int]) -> None:
    """Count events until all creates were seen."""
    async with http.get("/api/v1/configmaps", params={"watch": "1"}) as response:
        count = 0
        async for chunk in response.content.iter_any():
            count += chunk.count(b"\n")
            if count >= CREATES:
                break
        seen.append(count)


async def create(http: aiohttp.ClientSession) -> None:
    """Create objects over HTTP, ten at a time, while watchers follow."""
    seen: list[int] = []
    watchers = [asyncio.create_task(watch(http, seen)) for _ in range(WATCHERS)]
    await asyncio.sleep(0.2)
    began = time.perf_counter()

    async def some(start: int) -> None:
        for index in range(start, CREATES, 10):
            body = {"metadata": {"name": f"c{index}"}, "data": {"n": "1"}}
            async with http.post("/api/v1/namespaces/default/configmaps", json=body) as response:
                await response.read()

    await asyncio.gather(*map(some, range(10)))
    rate = CREATES / (time.perf_counter() - began)
    await asyncio.gather(*watchers)
    print(f"creates with {WATCHERS} watchers: {rate:.0f} per second, {sum(seen)} events delivered")


async def read(http: aiohttp.ClientSession) -> None:
    """Read one pod again and again."""
    began = time.perf_counter()
    for _ in range(READS):
        async with http.get(f"{PATH}/pod-5000") as response:
            await response.read()
    print(f"get of a pod among {PODS}: {(time.perf_counter() - began) / READS * 1e3:.2f} ms")


async def main() -> None:
    """Print all figures."""
    async with KubeApi() as api, aiohttp.ClientSession(api.url) as http:
        await create(http)
        await list_pods(http, api)
        await read(http)


if __name__ == "__main__":
    asyncio.run(main())
