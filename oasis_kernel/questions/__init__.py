"""Answers from stored runs."""
