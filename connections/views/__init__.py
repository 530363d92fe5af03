"""The pages of connections: each parses, makes one operation call, answers."""
