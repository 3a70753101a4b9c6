"""The finance reports, a file for each; `make_report` knows them by name."""
