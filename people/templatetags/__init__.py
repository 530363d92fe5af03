"""What the shell of every page is made of."""
