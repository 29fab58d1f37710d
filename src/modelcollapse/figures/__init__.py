"""What does an answer look like? Each figure is a table first: `*_data` makes the table, `draw_*` draws it."""
