"""What is tried next: gates, backoff, quarantine, blockers, and the order among what is left. Pure."""
