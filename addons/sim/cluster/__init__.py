"""What a cluster does by itself around its API: it has nodes, schedules and runs pods, and keeps sets."""
