"""Attacks on a server as it ships, and how long everybody else waits meanwhile. See bench/README.md."""
