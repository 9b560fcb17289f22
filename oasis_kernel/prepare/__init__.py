"""Tables to arrays: exposure to items, terms to programmes, summary levels. Reads no files."""
