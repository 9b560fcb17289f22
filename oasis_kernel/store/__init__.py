"""What a run leaves behind: parts of chunks under content addresses."""
