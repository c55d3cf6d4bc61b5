"""What the daemon holds in memory: the verdict for each address, and the credentials of the roles in use."""
