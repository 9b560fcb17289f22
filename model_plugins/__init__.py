"""First-party models, registered through the same door as any vendor's."""
