"""Wiring: settings, addresses, the ASGI entry. Nobody imports it."""
