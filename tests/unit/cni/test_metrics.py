"""Metrics under the original's names."""

from prometheus_client import CollectorRegistry, generate_latest

from addons.cni.controller.metrics import Counts
from addons.runtime.aws import CALL_SECONDS, CALLS


def scraped(counts: Counts) -> list[str]:
    registry = CollectorRegistry()
    registry.register(counts)
    return generate_latest(registry).decode().splitlines()


def test_what_never_happened_is_there_with_zero() -> None:
    assert "awscni_add_ip_req_count 0.0" in scraped(Counts())


def test_counts_have_the_names_without_an_ending() -> None:
    counts = Counts()
    counts.add("delete", "PodDeleted")
    counts.add("delete", "PodDeleted")
    assert 'awscni_del_ip_req_count{reason="PodDeleted"} 2.0' in scraped(counts)


def test_calls_to_ec2_are_counted_by_operation_and_those_to_others_are_not() -> None:
    CALLS.labels("ec2", "metrics_test", "ok").inc(3)
    CALLS.labels("ec2", "metrics_test", "throttled").inc(2)
    CALLS.labels("sts", "metrics_other", "ok").inc()
    CALL_SECONDS.labels("ec2", "metrics_test").observe(0.5)
    lines = scraped(Counts())
    assert 'awscni_ec2api_req_count{fn="metrics_test"} 5.0' in lines
    assert 'awscni_ec2api_error_count{fn="metrics_test"} 2.0' in lines
    assert 'awscni_aws_api_latency_ms_sum{api="metrics_test"} 500.0' in lines
    assert not any("metrics_other" in line for line in lines)
