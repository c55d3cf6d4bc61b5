"""A strict EC2: subnets that run out, limits of instance types, interfaces that take time to attach."""
