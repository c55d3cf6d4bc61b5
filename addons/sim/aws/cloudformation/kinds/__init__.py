"""The types of resources that a template may have."""
