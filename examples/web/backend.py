"""Counts visits in Redis. Nothing but the standard library.

Usage: backend.py ADDRESS:PORT REDIS-SOCKET
"""
import faulthandler
import http.server
import os
import signal
import socket
import sys
import threading
import time


def notify(text):
    """Tells the supervisor, as sd_notify(3) does."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(text.encode(), "\0" + address[1:] if address[0] == "@" else address)


def visits(redis):
    """Counts one more, and returns how many there have been."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(redis)
        s.sendall(b"INCR visits\r\n")
        answer = s.makefile("rb").readline()
    if not answer.startswith(b":"):
        raise OSError("Redis says " + repr(answer))
    return int(answer[1:])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            status, text = 200, "visit %d\n" % visits(sys.argv[2])
        except OSError as e:
            status, text = 503, "no Redis: %s\n" % e
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    beat = 0

    def service_actions(self):
        """Is called between two requests: as long as it is, the server turns."""
        if time.monotonic() >= self.beat:
            self.beat = time.monotonic() + 2
            notify("WATCHDOG=1")


def main():
    faulthandler.enable()  # ABRT writes down where each thread is
    host, port = sys.argv[1].rsplit(":", 1)
    server = Server((host, int(port)), Handler)

    def stop(*_):
        notify("STOPPING=1")
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    visits(sys.argv[2])  # it is no use without
    notify("READY=1\nSTATUS=counting visits")
    server.serve_forever(poll_interval=0.5)


main()
