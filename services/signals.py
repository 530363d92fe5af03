"""What the rooms above may listen to."""

from django.dispatch import Signal

client_set = Signal()
"""Sent with ``client``, an OAuthClient, in the transaction in which somebody entered it."""
