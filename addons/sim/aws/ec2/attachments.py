"""What ties interfaces to instances, and what is refused."""

from dataclasses import replace

from addons.sim.aws.ec2.account import Account
from addons.sim.aws.ec2.errors import Ec2Error, conflicting, invalid, not_found
from addons.sim.aws.ec2.instance_types import Limits, check_size, limits_of
from addons.sim.aws.ec2.model import Attachment, Interface


class Attachments:
    """The operations on attachments. All of them raise `Ec2Error`, and change nothing when they do."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def attach(
        self,
        id_: str,
        instance_id: str,
        device_index: int,
        *,
        card_index: int = 0,
        delete_on_termination: bool = False,
        at_once: bool = False,
    ) -> Attachment:
        """Tie an interface to an instance, which sees it `attach_seconds` later."""
        account = self._account
        interface, instance = account.interface(id_), account.instance(instance_id)
        if interface.attachment:
            raise Ec2Error("InvalidNetworkInterface.InUse", f"Interface: [{id_}] in use.")
        if instance.state not in ("pending", "running"):
            raise Ec2Error("IncorrectState", f"The instance '{instance_id}' is {instance.state}")
        if interface.zone != instance.zone:
            raise conflicting(
                "You may not attach a network interface to an instance "
                "if they are not in the same availability zone"
            )
        limits = limits_of(instance.type)
        self._check_slot(instance_id, limits, device_index, card_index)
        check_size(limits, len(interface.addresses) + len(interface.prefixes), bool(interface.prefixes))
        attachment = Attachment(
            id=account.new_id("eni-attach"),
            instance_id=instance_id,
            device_index=device_index,
            card_index=card_index,
            status="attaching",
            delete_on_termination=delete_on_termination,
            since=account.agenda.time(),
        )
        account.put(replace(interface, attachment=attachment))
        seconds = 0.0 if at_once else account.knobs.attach_seconds
        account.agenda.after(seconds, lambda: self._end_attaching(id_, attachment.id))
        return attachment

    def detach(self, attachment_id: str, *, force: bool = False) -> None:
        """Untie an interface, which is `available` `detach_seconds` later, with `force` at once."""
        account = self._account
        interface = self._attached_as(attachment_id)
        attachment = interface.attachment
        assert attachment is not None
        if attachment.device_index == 0:
            raise Ec2Error(
                "OperationNotPermitted",
                f"The network interface at device index 0 and networkCard index {attachment.card_index} "
                "cannot be detached.",
            )
        if attachment.status != "attached" and not force:
            message = f"The attachment '{attachment_id}' is in the state '{attachment.status}'"
            raise Ec2Error("IncorrectState", message)
        account.put(replace(interface, attachment=replace(attachment, status="detaching")))
        seconds = 0.0 if force else account.knobs.detach_seconds
        account.agenda.after(seconds, lambda: self._end_detaching(interface.id, attachment_id))

    def set_delete_on_termination(self, id_: str, attachment_id: str, wanted: bool) -> None:
        """Say whether the interface goes with the instance."""
        interface = self._account.interface(id_)
        attachment = interface.attachment
        if attachment is None or attachment.id != attachment_id:
            raise not_found("eni-attach", attachment_id)
        attachment = replace(attachment, delete_on_termination=wanted)
        self._account.put(replace(interface, attachment=attachment))

    def release_from(self, instance_id: str) -> None:
        """Let the interfaces of an instance go, as its end does: deleted, or available."""
        for interface in self._account.interfaces_of(instance_id):
            attachment = interface.attachment
            assert attachment is not None
            free = replace(interface, attachment=None)
            self._account.put(free)
            if attachment.delete_on_termination:
                self._account.drop(free)

    def _check_slot(self, instance_id: str, limits: Limits, device_index: int, card_index: int) -> None:
        if not 0 <= card_index < len(limits.interfaces):
            raise invalid(f"Network card index {card_index} is not valid for instance type {limits.type}")
        there = [eni.attachment for eni in self._account.interfaces_of(instance_id) if eni.attachment]
        used = {tie.device_index for tie in there if tie.card_index == card_index}
        if device_index in used:
            message = f"already has an interface attached at device index '{device_index}'."
            raise invalid(f"Instance '{instance_id}' {message}")
        if len(used) >= limits.interfaces[card_index]:
            message = f"Interface count {len(used) + 1} exceeds the limit for {limits.type}"
            raise Ec2Error("AttachmentLimitExceeded", message)

    def _attached_as(self, attachment_id: str) -> Interface:
        for interface in self._account.interfaces.values():
            if interface.attachment and interface.attachment.id == attachment_id:
                return interface
        raise not_found("eni-attach", attachment_id)

    def _end_attaching(self, id_: str, attachment_id: str) -> None:
        interface = self._account.interfaces.get(id_)
        tie = interface.attachment if interface else None
        if interface and tie and tie.id == attachment_id and tie.status == "attaching":
            self._account.put(replace(interface, attachment=replace(tie, status="attached")))

    def _end_detaching(self, id_: str, attachment_id: str) -> None:
        interface = self._account.interfaces.get(id_)
        if interface and interface.attachment and interface.attachment.id == attachment_id:
            self._account.put(replace(interface, attachment=None))
