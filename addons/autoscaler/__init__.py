"""Grows and shrinks AWS auto scaling groups by the pods of a cluster, and says why, and why not.

One group that fails, or that lies about its nodes, never delays another.
"""
