"""What outlives the daemon: the journal of assignments, and what the original left behind."""
