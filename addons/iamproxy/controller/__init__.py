"""Where the parts meet: verdicts follow the watched objects, and credentials follow the verdicts."""
