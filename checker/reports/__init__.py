"""One function for each format, from a Report to text."""
