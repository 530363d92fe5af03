"""What pages of services are made of."""
