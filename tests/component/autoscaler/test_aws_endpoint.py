"""$AWS_ENDPOINT_URL says to every client where AWS is."""

import pytest

from addons.autoscaler.aws.calls import OPERATIONS, RATES
from addons.autoscaler.aws.groups import Groups
from addons.autoscaler.aws.interruptions import Interruptions
from addons.autoscaler.model.specs import named_groups
from addons.runtime.aws import AwsSession
from tests.support.as_aws import as_site
from tests.support.permits import PERMIT

pytestmark = pytest.mark.virtual_time


async def test_every_service_is_called_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async with as_site() as site:
        site.group("a", 1)
        site.endpoint.sqs.create_queue("q")
        monkeypatch.setenv("AWS_ENDPOINT_URL", site.endpoint.url)
        async with AwsSession(region="eu-central-1", rates=RATES, operations=OPERATIONS) as aws:
            groups = Groups(aws, named=named_groups(["0:5:a"]))
            await groups.refresh()
            queue = Interruptions(aws, f"{site.endpoint.url}/123456789012/q", wait_seconds=0)

            async def handle(notice: object) -> str:
                raise AssertionError(notice)

            await queue.read_once(handle, PERMIT)  # type: ignore[arg-type]
        assert groups.view["a"].types == ("m5.large",)
        assert {call.service for call in site.endpoint.calls} == {"autoscaling", "ec2", "sqs"}
