"""Calling a service by link name: resolve, sign, send, refresh, record, and show how."""
