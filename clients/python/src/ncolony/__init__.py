"""Programs in Python and the process supervisor ncolony.

ctllib           writes specs and messages, with the names of the Python NColony
colony           the same, and waits for what becomes of them
notify           tells the supervisor that a service is ready, and does not hang
client.heart     beats, for a service that is watched by its heartbeat file
api              calls ncolony-serve, over a unix socket or TCP

Nothing but the standard library is needed.
"""

__version__ = "0.1.0"
