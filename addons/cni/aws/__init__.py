"""The door to EC2: network interfaces and their addresses, subnets, route tables."""
