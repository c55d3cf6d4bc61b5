"""What the daemon holds in memory: who has which address, and the credentials of the roles in use."""
