"""What the wishes of a group are read from: its members, what they name, and what AWS says of that."""

import asyncio
from collections.abc import Iterable, Mapping
from msgspec.structs import replace

from addons.albingress.aws.certificates import Certificates
from addons.albingress.aws.network import Network
from addons.albingress.config import Config
from addons.albingress.controller.groups import Groups, Place
from addons.albingress.controller.members import Failed
from addons.albingress.desired.groups import in_order
from addons.albingress.desired.inputs import GroupInputs, Member, Resolved
from addons.albingress.kube.watches import AlbWatches
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.groups import GroupId
from addons.albingress.model.objects import Secret, Service
from addons.runtime.objects import Key, key
