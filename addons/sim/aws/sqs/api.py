"""The HTTP side of SQS: JSON, and receiving that waits for messages."""

import asyncio
import json
from typing import Any

from addons.sim.aws.ec2.account import OWNER
from addons.sim.aws.errors import Refusal
from addons.sim.aws.sqs.state import Message, Queue, Sqs, digest

Call = dict[str, Any]

OPERATIONS = (
    "ChangeMessageVisibility",
    "CreateQueue",
    "DeleteMessage",
    "DeleteMessageBatch",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ReceiveMessage",
    "SendMessage",
)
_LONGEST_WAIT, _MOST_MESSAGES = 20, 10


async def answer(sqs: Sqs, operation: str, body: bytes, url: str) -> str:
    """Give the JSON of the answer; `url` is the endpoint's own. Raises `Refusal`."""
    call = json.loads(body or b"{}")
    if operation == "CreateQueue":
        attributes = call.get("Attributes", {})
        made = sqs.create_queue(
            call["QueueName"], visibility_seconds=int(attributes.get("VisibilityTimeout", 30))
        )
        return json.dumps({"QueueUrl": f"{url}/{OWNER}/{made.name}"})
    queue = sqs.queue(call.get("QueueUrl") or call.get("QueueName", ""))
    if operation == "ReceiveMessage":
        return json.dumps(await _receive(sqs, queue, call))
    return json.dumps(_answer_at_once(sqs, queue, operation, call, url))


def _answer_at_once(sqs: Sqs, queue: Queue, operation: str, call: Call, url: str) -> Call:
    if operation == "GetQueueUrl":
        return {"QueueUrl": f"{url}/{OWNER}/{queue.name}"}
    if operation == "SendMessage":
        message = sqs.send(queue.name, call["MessageBody"])
        return {"MessageId": message.id, "MD5OfMessageBody": digest(message.body)}
    if operation == "DeleteMessage":
        sqs.delete(queue, call["ReceiptHandle"])
    elif operation == "DeleteMessageBatch":
        for entry in call["Entries"]:
            sqs.delete(queue, entry["ReceiptHandle"])
        return {"Successful": [{"Id": entry["Id"]} for entry in call["Entries"]], "Failed": []}
    elif operation == "ChangeMessageVisibility":
        sqs.hide(queue, call["ReceiptHandle"], call["VisibilityTimeout"])
    elif operation == "GetQueueAttributes":
        hidden = sum(each.hidden_until > sqs.now() for each in queue.messages.values())
        return {
            "Attributes": {
                "ApproximateNumberOfMessages": str(len(queue.messages) - hidden),
                "ApproximateNumberOfMessagesNotVisible": str(hidden),
                "VisibilityTimeout": str(queue.visibility_seconds),
                "QueueArn": f"arn:aws:sqs:eu-central-1:{OWNER}:{queue.name}",
            }
        }
    return {}


async def _receive(sqs: Sqs, queue: Queue, call: Call) -> Call:
    """Give messages; wait for the first of them as long as the call says."""
    most, wait = call.get("MaxNumberOfMessages", 1), call.get("WaitTimeSeconds", 0)
    for name, value, least, largest in (
        ("MaxNumberOfMessages", most, 1, _MOST_MESSAGES),
        ("WaitTimeSeconds", wait, 0, _LONGEST_WAIT),
    ):
        if not least <= value <= largest:
            raise Refusal(
                "InvalidParameterValue",
                f"Value {value} for parameter {name} is invalid. Reason: Must be between {least} and "
                f"{largest}, if provided.",
                400,
            )
    arrived = asyncio.Event()
    sqs.arrivals.append(arrived.set)
    try:
        async with asyncio.timeout(wait or None):
            while not (found := sqs.receive(queue, most, call.get("VisibilityTimeout"))) and wait:
                arrived.clear()
                await _arrival_or_second(arrived)
    except TimeoutError:
        found = []
    finally:
        sqs.arrivals.remove(arrived.set)
    return {"Messages": list(map(_shape, found))} if found else {}


async def _arrival_or_second(arrived: asyncio.Event) -> None:
    """Return at the next message, or soon, as a hidden message may be there again."""
    try:
        async with asyncio.timeout(1.0):
            await arrived.wait()
    except TimeoutError:
        pass


def _shape(message: Message) -> Call:
    return {
        "MessageId": message.id,
        "ReceiptHandle": message.handle,
        "MD5OfBody": digest(message.body),
        "Body": message.body,
        "Attributes": {
            "SentTimestamp": str(int(message.sent.timestamp() * 1000)),
            "ApproximateReceiveCount": str(message.received),
        },
    }
