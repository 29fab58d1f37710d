"""Is it true? Studies that hold forecasts against trained models; `python -m studies.validation` writes the page."""
