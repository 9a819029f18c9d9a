"""Tools for those who work on cgrad: pages of docs/ that are made from the source."""
