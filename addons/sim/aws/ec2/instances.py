"""Launching and terminating instances, for whoever plays a node group, and for RunInstances."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from addons.sim.aws.ec2.account import Account
from addons.sim.aws.ec2.attachments import Attachments
from addons.sim.aws.ec2.errors import Ec2Error
from addons.sim.aws.ec2.instance_types import check_size, limits_of
from addons.sim.aws.ec2.interfaces import Interfaces, Wish
from addons.sim.aws.ec2.model import Instance, InstanceState, Tags


@dataclass(frozen=True, slots=True)
class NewInterface:
    """An interface to launch with; `id` names one that exists already."""

    subnet_id: str = ""
    device_index: int = 0
    card_index: int = 0
    wish: Wish = Wish()  # noqa: RUF009
    primary: IPv4Address | None = None
    groups: tuple[str, ...] = ()
    description: str = ""
    delete_on_termination: bool = True
    id: str = ""


class Instances:
    """The operations on instances. All of them raise `Ec2Error`, and change nothing when they do.

    `watchers` are told of every instance whose state has changed.
    """

    def __init__(self, account: Account, interfaces: Interfaces, attachments: Attachments) -> None:
        self._account = account
        self._interfaces = interfaces
        self._attachments = attachments
        self.watchers: list[Callable[[Instance], None]] = []

    def launch(
        self,
        type_: str,
        subnet_id: str = "",
        *,
        interfaces: tuple[NewInterface, ...] = (),
        groups: tuple[str, ...] = (),
        tags: Tags | None = None,
        interface_tags: Tags | None = None,
        image_id: str = "ami-0abcdef1234567890",
        is_spot: bool = False,
    ) -> Instance:
        """Make an instance with its primary interface in a subnet, or with the interfaces that are listed.

        It is `running` `launch_seconds` later. The primary interface goes with it when it ends.
        """
        account = self._account
        wanted = sorted(interfaces, key=lambda each: (each.card_index, each.device_index))
        wanted = wanted or [NewInterface(subnet_id, groups=groups)]
        if (wanted[0].device_index, wanted[0].card_index) != (0, 0):
            raise Ec2Error("InvalidParameterValue", "An interface with the device index 0 is required")
        self._check(type_, wanted)
        first = wanted[0]
        home = account.subnet(account.interface(first.id).subnet_id if first.id else first.subnet_id)
        instance = Instance(
            id=account.new_id("i"),
            type=type_,
            subnet_id=home.id,
            vpc_id=home.vpc_id,
            zone=home.zone,
            state="pending",
            launched_at=account.agenda.time(),
            image_id=image_id,
            tags=dict(tags or {}),
            is_spot=is_spot,
        )
        account.instances.put(instance.id, instance)
        try:
            self._plug_in(instance, wanted, dict(interface_tags or {}))
        except Ec2Error:
            self.forget(instance.id, keep={each.id for each in wanted})
            raise
        account.agenda.after(account.knobs.launch_seconds, lambda: self._set_state(instance.id, "running"))
        return account.instances[instance.id]

    def terminate(self, instance_id: str) -> None:
        """End an instance; `terminate_seconds` later its interfaces are deleted or available."""
        instance = self._account.instance(instance_id)
        if instance.state in ("shutting-down", "terminated"):
            return
        self._set_state(instance_id, "shutting-down")
        self._account.agenda.after(self._account.knobs.terminate_seconds, lambda: self._end(instance_id))

    def forget(self, instance_id: str, *, keep: Collection[str] = ()) -> None:
        """Undo a launch: there is no trace of it but the interfaces to `keep`, which are free then."""
        made = {eni.id for eni in self._account.interfaces_of(instance_id)}
        self._attachments.release_from(instance_id)
        for interface in self._interfaces.all():
            if interface.id in made and interface.id not in keep:
                self._interfaces.delete(interface.id)
        self._account.instances.remove(instance_id)

    def _check(self, type_: str, wanted: list[NewInterface]) -> None:
        """Refuse what the limits of the type forbid before anything is made."""
        limits = limits_of(type_)
        for each in wanted:
            if not each.id:
                check_size(limits, 1 + each.wish.size, each.wish.has_prefixes)

    def _plug_in(self, instance: Instance, wanted: list[NewInterface], tags: Tags) -> None:
        for each in wanted:
            interface_id = each.id or self._create(each, tags)
            try:
                self._attachments.attach(
                    interface_id,
                    instance.id,
                    each.device_index,
                    card_index=each.card_index,
                    delete_on_termination=each.delete_on_termination and not each.id,
                    at_once=True,
                )
            except Ec2Error:
                if not each.id:
                    self._interfaces.delete(interface_id)
                raise

    def _create(self, wanted: NewInterface, tags: Tags) -> str:
        made = self._interfaces.create(
            wanted.subnet_id,
            wanted.wish,
            primary=wanted.primary,
            groups=wanted.groups,
            description=wanted.description,
            tags=tags,
        )
        return made.id

    def _end(self, instance_id: str) -> None:
        self._attachments.release_from(instance_id)
        self._set_state(instance_id, "terminated")

    def _set_state(self, instance_id: str, state: InstanceState) -> None:
        instance = self._account.instance(instance_id)
        if state != "running" or instance.state == "pending":
            changed = replace(instance, state=state)
            self._account.instances.put(instance_id, changed)
            for tell in self.watchers:
                tell(changed)
