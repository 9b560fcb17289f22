"""A workbench that runs elsewhere, through REST: the calls and results of the local one."""
