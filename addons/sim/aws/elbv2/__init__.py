"""A strict ELBv2 of application load balancers: rules, certificates, targets, quotas, time."""
