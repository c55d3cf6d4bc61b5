"""All five daemons in one world: installed by Helm, run by a small kubelet, on nodes that come and go."""
