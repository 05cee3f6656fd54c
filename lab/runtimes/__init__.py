"""Where replicas live: adapters of `lab.ports.Runtime`."""
