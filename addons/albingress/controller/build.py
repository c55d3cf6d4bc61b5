"""The wiring of albingress: here alone its parts are put together, for the daemon, tests and benchmarks."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial

from addons.albingress import names
from addons.albingress.aws.calls import OPERATIONS, RATES
from addons.albingress.aws.certificates import Certificates
from addons.albingress.aws.endpoint_groups import EndpointGroups
from addons.albingress.aws.interfaces import Interfaces
from addons.albingress.aws.load_balancers import LoadBalancers
from addons.albingress.aws.network import Network
from addons.albingress.aws.quotas import AccountQuotas
from addons.albingress.aws.targets import Targets
from addons.albingress.aws.users_groups import UsersGroups
from addons.albingress.config import Config
from addons.albingress.controller.controller import Controller
from addons.albingress.controller.explanation import Explanation
from addons.albingress.controller.group_reconciler import GroupReconciler
from addons.albingress.controller.groups import Groups
from addons.albingress.controller.hand_overs import HandOvers
from addons.albingress.controller.history import History
from addons.albingress.controller.lookups import Lookups
from addons.albingress.controller.metrics import Metrics
from addons.albingress.controller.recently_gone import RecentlyGone
from addons.albingress.controller.target_groups import TargetGroups
from addons.albingress.controller.target_path import TargetPath
from addons.albingress.controller.telling import Telling
from addons.albingress.controller.views import Views
from addons.albingress.controller.writing_back import WritingBack
from addons.albingress.kube.endpoints import Endpoints, Touched
from addons.albingress.kube.finalizers import Finalizers
from addons.albingress.kube.statuses import Statuses
from addons.albingress.kube.watches import AlbWatches
from addons.albingress.model.groups import GroupId
from addons.runtime.aws_region import AwsRegion
from addons.runtime.clock import utc_now
from addons.runtime.coexistence import Coexistence
from addons.runtime.daemon import Daemon, Parts, connect
from addons.runtime.imds import PassingMetadata, find_region
from addons.runtime.objects import Key
from addons.runtime.settings import SettingError

NAME = "albingress"

_THREADS = 16
"""Calls to one service at once: AWS takes some hundred milliseconds for each."""

_SERVICES = {
    "elasticloadbalancing": "elbv2",
    "elasticloadbalancingv2": "elbv2",
    "elbv2": "elbv2",
    "rgt": "resourcegroupstaggingapi",
    "tagging": "resourcegroupstaggingapi",
}
"""What the original calls services, and boto3 otherwise."""


@asynccontextmanager
async def connected(config: Config) -> AsyncIterator[Parts]:
    """Open the connections to Kubernetes and AWS. Raises SettingError."""
    endpoints = endpoints_of(config)
    async with connect(
        NAME,
        config,
        rates=RATES,
        awaits_region=True,
        operations=OPERATIONS,
        endpoints=endpoints,
        threads=_THREADS,
    ) as parts:
        yield parts


def endpoints_of(config: Config) -> dict[str, str]:
    """The URLs of AWS services, by boto3's names, as the original's flag has them. Raises SettingError."""
    found: dict[str, str] = {}
    for part in filter(None, config.aws_api_endpoints.split(",")):
        service, equals, url = part.strip().partition("=")
        if not equals or not url.startswith(("http://", "https://")):
            allowed = "SERVICE=URL, such as elasticloadbalancing=https://elb.example.org"
            raise SettingError(f"--aws-api-endpoints: {part.strip()!r} is not allowed: {allowed}")
        found[_SERVICES.get(service.lower(), service.lower())] = url
    return found


def build(config: Config, parts: Parts) -> Daemon:
    """Put the daemon together."""
    controller = build_controller(config, parts)
    region = AwsRegion(parts.aws, partial(find_region, config.aws_region))
    return Daemon(
        act=controller.run,
        once=controller.run_once,
        caches=(controller.watch, region.run),
        not_ready=lambda: region.not_ready() or controller.not_ready(),
        state=controller.state,
        decisions_on=controller.decisions_on,
        faults=lambda: (*filter(None, [region.fault()]), *controller.faults()),
        last_pass=controller.last_pass,
        settings=_shown(config),
    )


def _shown(config: Config) -> dict[str, object]:
    """The settings that decide what is read and what may change."""
    shown = {
        "cluster": config.cluster_name,
        "vpc": config.aws_vpc_id or "found out",
        "ingressClass": config.ingress_class,
        "watchNamespace": config.watch_namespace,
        "defaultTargetType": config.default_target_type,
        "onBrokenRule": config.on_broken_rule,
        "strict": config.strict,
        "authOnHttp": config.auth_on_http,
        "pathOrder": config.path_order,
        "backendSecurityGroup": config.backend_security_group,
        "syncPeriod": f"{config.sync_period.total_seconds():.0f} s",
    }
    return {key: value for key, value in shown.items() if value}


def build_controller(config: Config, parts: Parts, *, now: Callable[[], datetime] = utc_now) -> Controller:
    """Put the controller together, by default with the clock of a daemon."""
    return _Assembly(config, parts, now).controller


def network_of(config: Config, parts: Parts) -> Network:
    """What is known of the VPC, which settings name, or else the metadata of this machine."""
    is_named = config.aws_vpc_id or config.aws_vpc_tags
    return Network(
        parts.aws,
        vpc_id=config.aws_vpc_id,
        tags=config.aws_vpc_tags,
        metadata=None if is_named else PassingMetadata(),
    )


class _Assembly:
    """The parts of one controller, in the order in which they need one another."""

    def __init__(self, config: Config, parts: Parts, now: Callable[[], datetime]) -> None:
        self._config, self._parts, self._now = config, parts, now
        self._watches = AlbWatches(parts.kube, namespace=config.watch_namespace, on_change=self._touched)
        self._groups = Groups(config, self._watches)
        self._telling = Telling(parts.reporter)
        self._network = network_of(config, parts)
        self._aws = LoadBalancers(
            parts.aws,
            self._network,
            cluster=config.cluster_name,
            uses_tagging_api=config.enable_rgt_api,
            clock=now,
        )
        self._users_groups = UsersGroups(parts.aws)
        self._targets = Targets(parts.aws, self._aws.arn_of)
        self._gone = RecentlyGone(config.backend_grace.total_seconds(), self._service_is_gone)
        self._hand_overs = HandOvers(self._groups, drain=config.drain, now=now, wake=self._wake)
        self._path = self._target_path()
        self._target_groups = TargetGroups(config, self._path, self._targets, now=now)
        self._history = History()
        self._reconciler = self._group_reconciler()
        self.controller = self._controller()

    def _touched(self, touched: Touched) -> None:
        self.controller.touched(touched)

    def _service_is_gone(self, service: Key) -> None:
        self.controller.service_is_gone(service)

    def _wake(self, group: GroupId) -> None:
        self.controller.wake(group)

    def _target_path(self) -> TargetPath:
        watches = self._watches
        endpoints = Endpoints(
            services=watches.services, slices=watches.slices, pods=watches.pods, nodes=watches.nodes
        )
        return TargetPath(
            self._config,
            kube=self._parts.kube,
            endpoints=endpoints,
            user_bindings=watches.bindings,
            targets=self._targets,
            interfaces=Interfaces(self._parts.aws, self._network, cluster=self._config.cluster_name),
            endpoint_groups=EndpointGroups(self._parts.aws, self._network),
            users_groups=self._users_groups,
            network=self._network,
            reporter=self._parts.reporter,
            now=self._now,
        )

    def _group_reconciler(self) -> GroupReconciler:
        config, kube = self._config, self._parts.kube
        return GroupReconciler(
            config,
            groups=self._groups,
            lookups=Lookups(
                config,
                watches=self._watches,
                groups=self._groups,
                network=self._network,
                certificates=Certificates(
                    self._parts.aws, authorities=config.allowed_certificate_authority_arns
                ),
                users_groups=self._users_groups,
                gone=self._gone,
            ),
            aws=self._aws,
            views=Views(
                config,
                aws=self._aws,
                history=self._history,
                hand_overs=self._hand_overs,
                target_groups=self._target_groups,
                quotas=AccountQuotas(self._parts.aws),
                not_ready=self._watches.not_ready,
                now=self._now,
            ),
            history=self._history,
            writing_back=WritingBack(Finalizers(kube), Statuses(kube), self._hand_overs),
            target_groups=self._target_groups,
            telling=self._telling,
            metrics=Metrics(),
            print_plan=self._parts.print_plan,
            now=self._now,
        )

    def _controller(self) -> Controller:
        return Controller(
            self._config,
            watches=self._watches,
            groups=self._groups,
            gone=self._gone,
            reconciler=self._reconciler,
            aws=self._aws,
            history=self._history,
            path=self._path,
            target_groups=self._target_groups,
            coexistence=Coexistence(
                self._parts.kube,
                lease=names.ORIGINAL_LEASE,
                code=names.OTHER_CONTROLLER,
                force=self._config.force_take_over,
                now=self._now,
            ),
            explanation=Explanation(
                self._watches,
                self._groups,
                self._telling,
                passes=self._reconciler.passes,
                targets=self._target_groups,
                users_bindings=self._path.users.known,
                now=self._now,
            ),
            telling=self._telling,
            leader=self._parts.leader,
            print_plan=self._parts.print_plan,
        )
