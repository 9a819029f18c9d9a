"""From a graph to C text."""
