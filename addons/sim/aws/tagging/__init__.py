"""The Resource Groups Tagging API: everything of EC2 and ELBv2 by its tags."""
