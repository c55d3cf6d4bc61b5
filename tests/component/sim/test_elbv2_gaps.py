"""Where moto answers otherwise than AWS does: each gap, and the tests that hold our answer to AWS's.

The first list is what was found by calling moto 5.2.5, the second (L) what a controller met there.
"""

import re
from pathlib import Path

GAPS = {
    "1 SetRulePriorities refuses a swap, a shift, and a priority whose holder moves in the same call": (
        "test_rules_swap_and_shift_in_one_call",
        "test_a_place_is_free_when_its_holder_moves_in_the_same_call",
        "test_a_refused_move_moves_nothing",
    ),
    "2 DescribeRules in order of insertion; priorities 0 and 50001 accepted": (
        "test_rules_are_told_by_number_and_the_default_one_last",
        "test_places_have_bounds",
        "test_a_new_rule_has_a_place_within_bounds",
    ),
    "3 CreateLoadBalancer makes many of one name, of any length, in one subnet, dualstack without IPv6": (
        "test_the_same_again_is_the_one_that_is_there",
        "test_a_wrong_wish_is_refused",
        "test_one_zone_is_not_enough",
        "test_both_families_need_subnets_with_both",
        "test_scheme_and_dns_name_are_always_told",
    ),
    "4 DeleteLoadBalancer minds no deletion protection": ("test_a_protected_one_stays",),
    "5 CreateListener accepts a port twice, HTTPS without or with two certificates, and any policy": (
        "test_a_port_is_opened_once",
        "test_https_needs_a_certificate_that_acm_has",
        "test_a_wrong_https_listener_is_refused",
        "test_http_has_no_policy_and_https_tells_how_clients_prove_themselves",
    ),
    "6 Unknown certificates are added; the default one can go; ModifyListener drops the others": (
        "test_an_unknown_certificate_is_not_added",
        "test_certificates_for_sni_outlive_a_new_default",
        "test_the_default_certificate_may_be_chosen_by_sni_too",
        "test_certificates_have_a_quota",
    ),
    "7 RegexValues break the answer": ("test_all_kinds_are_told_as_they_were_given",),
    "8 Transforms are dropped, ResetTransforms refused": ("test_transforms_come_and_go",),
    "9 jwt-validation is refused": ("test_a_token_may_be_asked_for",),
    "10 Conditions and actions are not validated; rules, targets and target groups have no quota": (
        "test_five_values_are_the_most",
        "test_five_wildcards_are_the_most",
        "test_a_value_must_make_sense",
        "test_one_host_condition_is_enough",
        "test_it_must_lead_somewhere",
        "test_six_target_groups_are_too_many",
        "test_a_login_needs_https",
        "test_a_weight_has_bounds",
        "test_actions_that_make_no_sense_are_refused",
        "test_a_hundred_rules_are_the_most",
        "test_target_groups_of_a_load_balancer_are_counted_once_each",
        "test_targets_have_a_quota",
        "test_load_balancers_listeners_and_target_groups_have_quotas",
        "test_targets_of_a_load_balancer_have_a_quota",
    ),
    "11 DescribeRules tells the client secret, and lacks the old places of values and target groups": (
        "test_a_secret_is_kept_and_never_told",
        "test_all_kinds_are_told_as_they_were_given",
        "test_a_single_target_group_is_told_in_both_places",
    ),
    "12 The default rule is modified, its deletion breaks; an unknown rule is deleted": (
        "test_the_default_rule_stays",
        "test_a_rule_is_gone_once",
    ),
    "13 Targets: one port of an address, always healthy, any address; unknown ones not deregistered": (
        "test_two_ports_of_an_address_are_two_targets",
        "test_a_target_is_healthy_after_a_while",
        "test_a_group_that_nobody_uses_says_so",
        "test_a_wrong_target_spoils_the_call",
        "test_an_instance_must_run",
        "test_an_unknown_target_is_not_registered",
        "test_a_target_tells_its_zone",
    ),
    "14 LoadBalancerArns repeat; GrpcCode ignored; any attribute; the same target group is a duplicate": (
        "test_a_load_balancer_is_told_once",
        "test_a_grpc_code_changes",
        "test_attributes_are_known_ones",
        "test_the_same_again_is_the_one_that_is_there",
    ),
    "14b A gRPC target group is asked as one of HTTP": ("test_a_grpc_group_is_asked_in_grpc",),
    "15 PageSize ignored by DescribeTargetGroups and DescribeListeners": (
        "test_pages_of_target_groups_and_listeners_hold_all",
        "test_pages_hold_all_rules",
    ),
    "16 DescribeTags takes more than 20 ARNs and unknown ones; tags of AWS's own are accepted": (
        "test_twenty_resources_are_the_most",
        "test_tags_of_nothing_are_refused",
        "test_tags_are_not_aws_s_own",
    ),
    "16b AddTags refuses the eleventh tag": ("test_fifty_tags_are_the_most",),
    "17 GetResources knows no listeners and rules": ("test_types_narrow_what_is_shown",),
    "18 DescribeTrustStores and capacity reservations break; the limits are old": (
        "test_trust_stores_are_told",
        "test_capacity_is_reserved_and_given_back",
        "test_the_limits_are_told",
    ),
    "19 Security groups in use go; load balancers lack interfaces; a description makes another rule": (
        "test_a_group_of_a_load_balancer_stays_until_its_interfaces_are_gone",
        "test_a_group_that_another_one_names_stays",
        "test_its_interfaces_come_and_go_with_it",
        "test_a_rule_with_another_description_is_the_same_rule",
        "test_sixty_rules_are_the_most",
    ),
    "20 ACM ignores MaxItems, and issues after a minute": (
        "test_certificates_are_listed_in_pages",
        "test_only_those_of_a_status_are_listed",
    ),
    "21 Nothing is throttled": ("test_many_calls_at_once_are_too_many",),
    "22 Most attributes of load balancers are missing": (
        "test_attributes_are_told_before_anybody_sets_them",
    ),
    "23 The state of a subnet's IPv6 block is a text": ("test_a_subnet_tells_its_ipv6_block",),
    "L1 swaps, and 50001": ("test_rules_swap_and_shift_in_one_call", "test_places_have_bounds"),
    "L2 order, and the default rule's ARN": (
        "test_rules_are_told_by_number_and_the_default_one_last",
        "test_a_default_rule_has_an_arn_like_any_other",
    ),
    "L3 health, ports, unknown targets": (
        "test_a_deregistered_target_drains_first",
        "test_an_unknown_target_is_not_registered",
        "test_two_ports_of_an_address_are_two_targets",
    ),
    "L4 the same target group twice": ("test_the_same_again_is_the_one_that_is_there",),
    "L5 a thousand targets, zones, addresses that are none": (
        "test_a_thousand_targets_are_the_most",
        "test_a_wrong_target_spoils_the_call",
        "test_an_address_outside_the_vpc_belongs_to_all_zones",
        "test_a_target_tells_its_zone",
    ),
    "L6 what is in use": (
        "test_a_group_in_use_stays",
        "test_a_group_of_a_load_balancer_stays_until_its_interfaces_are_gone",
    ),
}


def test_every_gap_has_its_tests() -> None:
    here = Path(__file__).parent
    there = {
        name for file in here.glob("test_*.py") for name in re.findall(r"def (test_\w+)\(", file.read_text())
    }
    assert {name for names in GAPS.values() for name in names} - there == set()
