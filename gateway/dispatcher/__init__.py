"""The process that claims due messages and owns connectors; ``python -m gateway.dispatcher`` starts one.

Any number may run: a lease on each connector's row says whose it is. Here live the loops, the sharing between lanes and the
speed limit. What is written to the database is decided in :mod:`gateway.services`; what a carrier is told, in
:mod:`gateway.connectors`.
"""
