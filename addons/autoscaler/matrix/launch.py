"""What the instances of a cell are launched from: the data of its launch template."""

from typing import Any, Final

from addons.autoscaler import names
from addons.autoscaler.model.matrix import BlockDevice, Cell

METADATA_OPTIONS: Final = {
    "HttpEndpoint": "enabled",
    "HttpTokens": "required",
    "HttpPutResponseHopLimit": 1,
}
"""Only with a token, and from the node itself alone: no pod has the role of its node."""


def launch_data(cell: Cell) -> dict[str, Any]:
    """What makes an instance what it is, without tags: where this is equal, nothing is to be replaced."""
    data: dict[str, Any] = {
        "ImageId": cell.image,
        "InstanceType": cell.instance_type,
        "MetadataOptions": dict(METADATA_OPTIONS),
    }
    if cell.user_data:
        data["UserData"] = {"Fn::Base64": cell.user_data}
    if cell.key_name:
        data["KeyName"] = cell.key_name
    if profile := cell.instance_profile:
        data["IamInstanceProfile"] = {"Arn" if profile.startswith("arn:") else "Name": profile}
    if cell.security_groups:
        data["SecurityGroupIds"] = list(cell.security_groups)
    if cell.block_devices:
        data["BlockDeviceMappings"] = [_mapping(each) for each in cell.block_devices]
    if cell.capacity == "spot":
        data["InstanceMarketOptions"] = _market(cell.spot_price)
    return data


def tagged_launch_data(cell: Cell, launch: str) -> dict[str, Any]:
    """The same with tags: of volumes, and of instances, by which a roll knows them."""
    specifications = [
        _tagged("instance", {names.LAUNCHED_FROM_TAG: launch}),
        _tagged("volume", _volume_tags(cell)),
    ]
    return {**launch_data(cell), "TagSpecifications": specifications}


def _volume_tags(cell: Cell) -> dict[str, str]:
    return {"Name": cell.name, names.MATRIX_TAG: cell.matrix, **cell.tags}


def _tagged(kind: str, tags: dict[str, str]) -> dict[str, Any]:
    return {"ResourceType": kind, "Tags": [{"Key": key, "Value": tags[key]} for key in sorted(tags)]}


def _market(price: float | None) -> dict[str, Any]:
    """Asked for once: when the instance is taken away the group asks for another one."""
    options: dict[str, Any] = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}
    if price is not None:
        options["MaxPrice"] = f"{price:.10f}".rstrip("0").rstrip(".")
    return {"MarketType": "spot", "SpotOptions": options}


def _mapping(device: BlockDevice) -> dict[str, Any]:
    volume: dict[str, Any] = {
        "VolumeType": device.type,
        "Encrypted": device.encrypted,
        "DeleteOnTermination": True,
    }
    given = {"VolumeSize": device.size, "Iops": device.iops, "Throughput": device.throughput}
    volume |= {name: value for name, value in given.items() if value}
    if device.key:
        volume["KmsKeyId"] = device.key
    return {"DeviceName": device.device, "Ebs": volume}
