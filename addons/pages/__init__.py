"""Draws what daemons say of themselves, which is data: a page for people, and words that terminals share."""
