"""Model data in the Oasis standard layout: read, written, checked."""
