"""The door to EC2 and to the metadata of the node."""
