"""SQS: standard queues, as far as a reader of notices needs them."""
