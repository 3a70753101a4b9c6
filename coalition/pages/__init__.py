"""The pages: layout, languages, sessions and forms for all of them, and the members' own."""
