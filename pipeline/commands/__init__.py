"""The commands beside the tasks: one module for each."""
