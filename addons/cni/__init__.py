"""cni: pods get addresses of the VPC from the node's network interfaces, and no subnet is hoarded."""
