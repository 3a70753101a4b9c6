"""What the shell and the API tell of the bill: documents for machines, tables for people."""
