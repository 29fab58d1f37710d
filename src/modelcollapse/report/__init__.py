"""How does a colleague get to see the answer? As one page that opens anywhere, and as the rows that fill its tables."""
