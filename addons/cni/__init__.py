"""Gives pods addresses of the VPC from the node's network interfaces, and hoards no subnet."""
