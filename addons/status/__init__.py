"""Tells how all daemons of a cluster do: ready or why not, who leads, what waits and why."""
