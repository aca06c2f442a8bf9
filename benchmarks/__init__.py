"""What recipeline's limits are held against: each module here measures one and prints it beside its limit."""
