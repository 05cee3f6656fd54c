"""The embedded runtime's own process: one supervisor per lab is the parent of everything that the lab runs.

`python -m lab.runtimes.supervision DIRECTORY` runs it; `lab.runtimes.local` starts it and asks it for things.

supervisor   opens the lab, answers requests, ends everything when it ends itself
├── services     replicas: start until ready, restart after a crash, scale, usage
├── autoscaling  how many of them, by the operator's decision
├── servers      PostgreSQL and Valkey
├── receivers    of the spans that replicas send
├── children     processes as they are registered, watched and stopped
└── place, state, ports, protocol, processes, logs, affinity, binaries, probe: what both need
"""
