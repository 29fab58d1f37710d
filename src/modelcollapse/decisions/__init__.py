"""What should one do? Forecasts, audits and advice from estimates and results."""
