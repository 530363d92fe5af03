"""Who may use which service, with whose secret."""
