"""What an operator applies to a cluster; nothing here is installed with the workbench."""
