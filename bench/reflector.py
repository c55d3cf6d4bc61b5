"""What 10,000 pods of 8 KB cost a process that keeps them: CPU and memory, beside keeping them as dicts.

    python bench/reflector.py [pods]

A server in a process of its own answers lists in pages and streamed; each way of reading runs in a fresh
process as well, so that none inherits the memory of another.
"""

import asyncio
import gc
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

PAGE = 500
CPU_SECONDS = 1.0
KEPT_MIB = 60.0


def pod(number: int) -> dict[str, Any]:
    """A pod as a busy cluster has it, 8 KB of JSON."""
    container = {
        "name": "app",
        "image": f"registry.example.org/team/app:{number}",
        "env": [{"name": f"VARIABLE_{index}", "value": "x" * 40} for index in range(20)],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
    }
    fields: dict[str, Any] = {
        f"f:field-{index}": {"f:name": {}, "f:value": {}, ".": {}} for index in range(60)
    }
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": "2026-01-02T03:04:05Z"}
        for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
    made: dict[str, Any] = {
        "metadata": {
            "name": f"app-{number}",
            "namespace": f"team-{number % 50}",
            "uid": f"00000000-0000-0000-0000-{number:012}",
            "resourceVersion": str(number + 1),
            "labels": {"app": f"app-{number % 200}", "pod-template-hash": f"{number % 977:x}"},
            "annotations": {"example.org/checksum": f"{number:064x}"},
            "creationTimestamp": "2026-01-02T03:04:05Z",
            "managedFields": [{"manager": "kubelet", "operation": "Update", "fieldsV1": fields}],
        },
        "spec": {
            "nodeName": f"node-{number % 300}",
            "containers": [container, {**container, "name": "side"}],
        },
        "status": {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": conditions,
        },
    }
    made["metadata"]["annotations"]["example.org/padding"] = "p" * max(0, 8192 - len(json.dumps(made)))
    return made


def serve(count: int, pipe: Connection) -> None:
    """Be an API server that knows pods and nothing else."""
    items = [json.dumps(pod(number)).encode() for number in range(count)]
    version = str(count + 1)

    async def pods(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            return await watch(request)
        start = int(request.query.get("continue") or 0)
        end = start + int(request.query.get("limit") or count)
        meta = {"resourceVersion": version, **({"continue": str(end)} if end < count else {})}
        body = b'{"metadata":%b,"items":[%b]}' % (json.dumps(meta).encode(), b",".join(items[start:end]))
        return web.Response(body=body, content_type="application/json")

    async def watch(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        with suppress(ConnectionError):  # a reader that has seen enough
            await response.prepare(request)
            if "sendInitialEvents" in request.query:
                for item in items:
                    await response.write(b'{"type":"ADDED","object":%b}\n' % item)
                end = {"resourceVersion": version, "annotations": {"k8s.io/initial-events-end": "true"}}
                event = {"type": "BOOKMARK", "object": {"metadata": end}}
                await response.write(json.dumps(event).encode() + b"\n")
            await asyncio.sleep(3600)
        return response

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/api/v1/pods", pods)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        pipe.send(f"http://127.0.0.1:{runner.addresses[0][1]}")
        await asyncio.Event().wait()

    asyncio.run(main())


def measure(read: Callable[[str, Callable[[], None]], int], url: str, pipe: Connection) -> None:
    """Send what one way of reading costs: objects, CPU seconds, MiB of growth and of peak growth."""
    before: list[float] = []

    def begin() -> None:
        gc.collect()
        before.extend((time.process_time(), resident(), peak()))

    count = read(url, begin)
    cpu = time.process_time() - before[0]
    gc.collect()
    pipe.send((count, cpu, resident() - before[1], peak() - before[2]))


def resident() -> float:
    """MiB of memory in use now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak() -> float:
    """MiB of memory in use at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read_dicts(url: str, begin: Callable[[], None]) -> int:
    """The baseline: pages through json.loads, and every dict kept."""
    held: dict[tuple[str, str], Any] = {}
    begin()
    token = ""
    while True:
        with urllib.request.urlopen(f"{url}/api/v1/pods?limit={PAGE}&continue={token}") as reply:
            page = json.loads(reply.read())
        for item in page["items"]:
            held[item["metadata"]["namespace"], item["metadata"]["name"]] = item
        token = page["metadata"].get("continue", "")
        if not token:
            KEPT.append(held)
            return len(held)


def read_pages(url: str, begin: Callable[[], None]) -> int:
    """The reflector, listing in pages."""
    return asyncio.run(_reflect(url, begin, "off"))


def read_stream(url: str, begin: Callable[[], None]) -> int:
    """The reflector, with the list streamed by the watch."""
    return asyncio.run(_reflect(url, begin, "on"))


KEPT: list[Any] = []  # what a way of reading holds must still be there when its memory is measured


async def _reflect(url: str, begin: Callable[[], None], watch_list: Any) -> int:
    from addons.dns.model.objects import Pod
    from addons.runtime.kube import KubeClient
    from addons.runtime.objects import PODS
    from addons.runtime.reflector import Reflector

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "kubeconfig"
        path.write_text(yaml.safe_dump(kubeconfig(url)))
        async with KubeClient.connect(str(path)) as kube:
            stopping = asyncio.Event()
            by_ip = {"ip": lambda found: (found.status.pod_ip,)}
            reflector = Reflector(kube, PODS, Pod, page_size=PAGE, watch_list=watch_list, indexers=by_ip)
            begin()
            async with asyncio.TaskGroup() as group:
                group.create_task(reflector.run(stopping))
                await reflector.wait_synced()
                stopping.set()
            KEPT.append(reflector.store)
            return len(reflector.store)


def kubeconfig(url: str) -> dict[str, Any]:
    """A kubeconfig for a server that asks nobody who he is."""
    return {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "none"}}],
    }


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=serve, args=(count, theirs), daemon=True)
    server.start()
    url = ours.recv()
    print(f"{count} pods of {len(json.dumps(pod(1)))} bytes")
    print(f"{'':24}{'pods':>8}{'CPU s':>8}{'MiB kept':>10}{'MiB at most':>13}")
    for name, read in (
        ("dicts of json.loads", read_dicts),
        ("reflector, pages", read_pages),
        ("reflector, stream", read_stream),
    ):
        reader = context.Process(target=measure, args=(read, url, theirs))
        reader.start()
        objects, cpu, kept, most = ours.recv()
        reader.join()
        verdict = (
            "baseline" if read is read_dicts else "ok" if cpu < CPU_SECONDS and kept < KEPT_MIB else "MISSED"
        )
        print(f"{name:24}{objects:8}{cpu:8.2f}{kept:10.1f}{most:13.1f}  {verdict}")
    print(f"target through the reflector: < {CPU_SECONDS} s of CPU, < {KEPT_MIB} MiB kept")
    server.terminate()


if __name__ == "__main__":
    main()
