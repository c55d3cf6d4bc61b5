"""The outside world, simulated: a Kubernetes API server, AWS and a name server, on loopback.

Tests and the demo run the real daemons against it. It imports nothing of theirs, so it can catch their
errors.
"""
