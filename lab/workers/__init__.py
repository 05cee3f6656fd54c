"""The lab's side of processes of its own that work for it, started here or in a cluster: they speak JSON, in lines."""
