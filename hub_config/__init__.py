"""The workbench's JupyterHub: typed settings, and modules that each set their part of the hub's configuration."""
