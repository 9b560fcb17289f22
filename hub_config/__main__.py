"""``python -m hub_config``: the file for ``jupyterhub -f``, a check of the settings, and the service's part of them."""

import argparse
import json
import sys
from pathlib import Path

from hub_config import data_access
from hub_config.secret_files import client_secret
from hub_config.settings import HubSettings, SettingsError


def main(arguments: list[str] | None = None) -> int:
    """Answer on standard output; 1 with the findings on standard error where the settings cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m hub_config", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("file", help="the path of JupyterHub's configuration file")
    verbs.add_parser("check", help="whether the settings can be used")
    verbs.add_parser("service", help="the settings by which the service of analyses knows this hub, as JSON")
    verb = parser.parse_args(arguments).verb
    try:
        if verb == "file":
            sys.stdout.write(f"{Path(__file__).with_name('jupyterhub_config.py')}\n")
            return 0
        settings = HubSettings.load()
        if verb == "service":
            sys.stdout.write(json.dumps({"hub": data_access.doors(settings)}, indent=2) + "\n")
        else:
            client_secret(settings)
            sys.stdout.write("The settings can be used.\n")
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
