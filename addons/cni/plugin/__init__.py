"""What container runtimes call: cni_plugin.c, and client.py, its twin in Python; and how hosts get it."""
