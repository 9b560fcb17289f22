"""Runs that live in a service: they outlive the page, the notebook and the terminal that started them."""
