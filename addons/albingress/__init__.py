"""Gives Ingresses AWS Application Load Balancers; one that is broken harms only itself.

Ingresses of a group share one. What cannot be made as asked for is told on the object that is at fault.
"""
