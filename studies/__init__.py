"""Is it true? Forecasts against trained models, and audits against planted collapse; `make validation` runs both."""
