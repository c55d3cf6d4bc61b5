"""Gives Ingresses AWS Application Load Balancers: who is broken harms nobody else, no change loses a request.

Ingresses of a group share one. What cannot be made as asked for is told on the object that is at fault.
"""
