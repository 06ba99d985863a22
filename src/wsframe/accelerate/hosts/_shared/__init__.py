"""What the hosts have in common."""
