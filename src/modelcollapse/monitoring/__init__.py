"""Is it happening to me now? Measures of collapse while somebody's own training runs."""
