"""An FTPS server of pyftpdlib with one virtual user, run by scripts/serve. Serves as nobody."""
import argparse
import logging
import os

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_DTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer

UNPRIVILEGED = 65534


class EarlyHelloDataHandler(TLS_DTPHandler):
    """Answers a ClientHello at any time. Release 1.5.7 closes a data connection on which anything arrives before the
    transfer command has been read, so that curl cannot use it; later releases do not."""

    def readable(self):
        return getattr(self, "_ssl_accepting", False) or super().readable()


class Handler(TLS_FTPHandler):
    """TLS required on both channels."""

    tls_control_required = True
    tls_data_required = True
    implicit = False
    early_hello = False

    def handle(self):
        if self.implicit:
            self.secure_connection(self.ssl_context)
        super().handle()


def main():
    parser = argparse.ArgumentParser()
    for name in ("host", "root", "user", "certificate", "log"):
        parser.add_argument("--" + name, required=True)
    for name in ("port", "idle", "max-clients"):
        parser.add_argument("--" + name, type=int, required=True)
    parser.add_argument("--passive")
    parser.add_argument("--implicit", action="store_true")
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()

    logging.basicConfig(filename=options.log, level=logging.DEBUG, format="%(asctime)s %(message)s")
    authorizer = DummyAuthorizer()
    authorizer.add_user(options.user, os.environ.pop("FTPD_PASSWORD"), options.root, perm="elradfmwMT")
    Handler.authorizer = authorizer
    Handler.certfile = options.certificate
    Handler.ssl_context = Handler.get_ssl_context()  # reads the key, which only root may
    Handler.ssl_context.set_session_id(b"ftpsfs")
    Handler.implicit = options.implicit
    if options.passive:
        first, last = options.passive.split("-")
        Handler.passive_ports = range(int(first), int(last) + 1)
    Handler.timeout = options.idle
    Handler.auth_failed_timeout = 0
    for setting in options.set:
        name, value = setting.split("=", 1)
        kind = type(getattr(Handler, name))
        setattr(Handler, name, value == "true" if kind is bool else kind(value))
    if Handler.early_hello:
        Handler.dtp_handler = EarlyHelloDataHandler
    server = FTPServer((options.host, options.port), Handler)
    server.max_cons = 512
    server.max_cons_per_ip = options.max_clients
    os.umask(0o022)
    os.setgroups([])
    os.setgid(UNPRIVILEGED)
    os.setuid(UNPRIVILEGED)
    server.serve_forever()


if __name__ == "__main__":
    main()
