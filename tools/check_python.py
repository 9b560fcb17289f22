"""Say plainly when this Python is too old or lacks venv, before anything is installed with it."""

import sys

if sys.version_info < (3, 11):
    sys.exit(f"The workbench needs Python 3.11 or newer, this is {sys.version.split()[0]}. Try: make PYTHON=python3.12")
try:
    import ensurepip  # noqa: F401
    import venv  # noqa: F401
except ImportError:
    sys.exit("This Python cannot make virtual environments. On Debian: apt-get install python3-venv")
