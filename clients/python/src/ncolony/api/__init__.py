"""A colony asked through ncolony-serve, on this machine or from another.

    client = Client("/var/lib/ncolony/state/serve.sock")
    client.put("web", {"args": ["/usr/bin/web"]}, wait=30)
    for event in client.follow_events(type=["exited"]):
        print(event.name, event.exit)
"""

from ncolony.api.answers import Event, EventPage, Item, LogLine, LogPage, Page, Report, Sent, Service, Written
from ncolony.api.client import Client
from ncolony.api.problem import Fault, Problem
from ncolony.api.stream import Stream

__all__ = [
    "Client", "Event", "EventPage", "Fault", "Item", "LogLine", "LogPage", "Page", "Problem", "Report", "Sent", "Service",
    "Stream", "Written",
]  # fmt: skip
