"""Packages, so that a fixture can end with the last test of its folder."""
