"""From the user's data to what a forecast needs."""
