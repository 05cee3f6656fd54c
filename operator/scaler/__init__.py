"""Framework Lab's autoscaler: sizes what serves HTTP by what its replicas tell, and explains every decision.

`decision` is pure and knows no cluster. `ticking` and `handlers` make an operator of it; the lab's own runtime for
processes scales by it too.
"""
