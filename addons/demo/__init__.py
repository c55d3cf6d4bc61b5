"""Shows everything at work in a simulated world, without AWS and without a cluster.

The daemons run as processes; each has a story: steps, what to expect of them, and what came of it.
"""
