"""How large, for this service: `tidegate size`, from a probe of the service itself or from its access log.

target    loads what is to be probed, and calls it: a function, a coroutine function, an ASGI or a WSGI application
drive     calls it by schedule (open loop), in threads or in an event loop, and records when each call was due, and ended
probe     which loads, one after the other, within a limited time
log       reads access logs
knee      from when requests began and ended to how many the service works on at once: the same for probe and log
suggest   from that to workers, capacity, patience and floor, each with its reason
own       `tidegate stress --app` and `--callable`: the service at 1x, 2x and 10x, with and without the wall
"""
