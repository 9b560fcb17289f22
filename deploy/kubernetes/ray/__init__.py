"""A team's Ray cluster on Kubernetes: ``python -m deploy.kubernetes.ray team.toml`` prints its manifests."""
