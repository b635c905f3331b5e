"""Serve the built site on this machine: `python book/serve.py FOLDER PORT`.

With --check it only says whether the port is free, so that a taken one is known before the build.
"""

import argparse
import errno
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"


class Handler(SimpleHTTPRequestHandler):
    """Serves files without a line per request, and lets no browser keep an old build."""

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


def open_server(folder: str, port: str) -> ThreadingHTTPServer:
    """Return a server bound to `port`, or exit with a line that says what to do."""
    if not port.isdecimal() or not 0 < int(port) < 65536:
        sys.exit(f"PORT must be a number from 1 to 65535, got {port!r}: make serve PORT=8001")
    try:
        return ThreadingHTTPServer((HOST, int(port)), partial(Handler, directory=folder))
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        reason = "in use" if in_use else f"closed to you ({error.strerror})"
        sys.exit(f"Port {port} is {reason}. Choose another: make serve PORT={_other(int(port))}")


def _other(port: int) -> int:
    return port + 1 if 1024 <= port < 65535 else 8000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only see whether the port is free")
    parser.add_argument("folder")
    parser.add_argument("port")
    options = parser.parse_args()
    with open_server(options.folder, options.port) as server:
        if options.check:
            return
        print(f"The course is at http://{HOST}:{server.server_port} (Ctrl-C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
