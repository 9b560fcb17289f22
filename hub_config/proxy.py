"""The proxy in front of the hub, from PyPI, without the log of addresses: those of log-ins have codes in them."""

import logging

from configurable_http_proxy.cli import main

if __name__ == "__main__":
    logging.getLogger("tornado.access").disabled = True
    main()
