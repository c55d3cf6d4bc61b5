"""All daemons under random faults for minutes, beside users who change their minds: what must hold after."""
