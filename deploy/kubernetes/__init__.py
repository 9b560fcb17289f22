"""Kubernetes manifests, made from settings."""
