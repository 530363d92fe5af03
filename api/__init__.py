"""What every room's part of the API shares: strict schemas, pages of lists, problems as answers."""
