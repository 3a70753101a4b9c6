"""The shell of the bill: one file for each group of commands."""
