"""Our decision against the HPA and KEDA, in simulation: the same load for all, and half a day of it takes seconds.

`service` is a fluid model of replicas with queues, start-up and clients that keep their connections. `arms` are what
scales it: our decision, called as the operator calls it, and models of the HPA and of KEDA, after what upstream
documents (`rivals`). `traces` are generated loads, and real ones. `score` says how a run went, `contest` who competes,
`search` how the rivals got their parameters.
"""
