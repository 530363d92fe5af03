"""Who acts, and the record of what they did."""
