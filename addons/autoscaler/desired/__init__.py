"""What the cluster and its groups are, and what is asked for, as records that a simulation can work on.
Pure."""
