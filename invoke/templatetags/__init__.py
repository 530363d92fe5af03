"""What pages of other rooms show about calls."""
