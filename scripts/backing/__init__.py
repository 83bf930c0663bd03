"""What `scripts/services` is made of. Law: the standard library only, and never imported by the service."""
