"""The one story: an application and its life in a cluster with all five daemons."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from addons.demo.cluster import Cluster
from addons.demo.script import Step, Story
from addons.demo.suite.charts import helm
from addons.demo.suite.looks import PODS
from addons.demo.suite.pages import pages
from addons.demo.suite.people import Owners, Users
from addons.demo.suite.scene import BATCH_PODS, CROWD, HOST, Scene
from addons.demo.suite.site import MOST, SMALL, site
from addons.demo.world import ZONE, World


@asynccontextmanager
async def _open(world: World, cluster: Cluster) -> AsyncIterator[Scene]:
    helm()
    async with site(world) as place, pages(place) as urls:
        users = Users(place)
        try:
            yield Scene(place, Owners(place), users, pages=urls)
        finally:
            await users.close()


STORY = Story(
    name="suite",
    promise="five daemons, installed by Helm, carry one application from its first pod to its last",
    setting=f"groups of nodes in a VPC ({', '.join(map('{} {}'.format, MOST, MOST.values()))} at most); "
    f"nodes and pods are network namespaces; the nodes of the first group are in {SMALL}: eleven addresses\n"
    f"a public zone {ZONE}; load balancers and their users are beside the VPC\n"
    "a small kubelet runs the containers of the charts as processes, with their arguments, files and probes; "
    "everybody has the rights of a ServiceAccount, and dns, albingress and autoscaler get theirs in AWS from "
    "iamproxy, as applications do",
    open=_open,
    steps=(
        Step(
            "Helm installs the five charts",
            "every pod is ready; what is no DaemonSet has an address of the VPC, and a role of its own",
            Scene.install,
        ),
        Step(
            "an application is deployed",
            "a pod on each node, with addresses of the VPC; they reach each other, peers see the pods",
            Scene.deploy,
        ),
        Step(
            "a headless Service asks for names",
            f"{PODS} leads to both pods, and each pod has a name below it",
            Scene.names,
        ),
        Step(
            "an Ingress asks for a load balancer",
            f"{HOST} resolves to it, and it brings requests to both pods",
            Scene.serve,
        ),
        Step(
            "another Ingress joins, with a Service that does not exist",
            "503 there and an Event that says why; not one request of the first fails",
            Scene.mistake,
        ),
        Step(
            "two pods ask for roles, one of which their namespace does not permit",
            "the first has its own role's credentials, the second none, and an Event that says why",
            Scene.roles,
        ),
        Step(
            f"{BATCH_PODS} pods are wanted that no node can take",
            f"one of two groups grows, {MOST['batch']} nodes at most; all of them run, with addresses",
            Scene.grow,
        ),
        Step(
            "the work is done, and nodes are not needed any more",
            "they are drained and go; targets and names follow the pods, and not one request fails",
            Scene.shrink,
        ),
        Step(
            f"{CROWD} pods are wanted in a subnet that has no addresses for all of them",
            "as many run as there are addresses; the scheduler holds the others back, and says why",
            Scene.full,
        ),
        Step(
            "everything is deleted",
            "no load balancer, target group, record or pod is left",
            Scene.end,
        ),
    ),
)
