"""A small third-party service of our own, one endpoint per auth type, with misbehaviours as switches."""
