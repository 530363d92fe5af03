"""What the canary test stands on: secrets that are known, a service that knows them, a search for them."""
