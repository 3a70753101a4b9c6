"""What the operator does; each function opens one transaction."""
