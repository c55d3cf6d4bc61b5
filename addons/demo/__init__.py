"""The stories that `addons demo` tells: a simulated world, the daemons as processes, and what to expect."""
