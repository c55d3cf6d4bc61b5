"""The data plane of simulated load balancers: real HTTP by the rules, to real targets, probed as AWS does."""
