"""The loop: observe, desire, plan, guard, apply and report, for each ingress group and each target group."""
