"""EC2 Auto Scaling: groups that keep as many instances as they are told to, in their own time."""
