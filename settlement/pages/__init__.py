"""The finance pages: windows, nets, control totals, statements.

Of the hub's pages they use the layout, the sessions and the forms, and nothing else."""
