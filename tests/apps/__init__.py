"""The workbench in a browser. A package, so that its processes end with its last test and not with the session."""
