"""Pods, what they are granted or refused, and the credentials that are handed out. Values only."""
