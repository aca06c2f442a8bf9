"""Where pull requests are opened: one module for each kind of forge, behind one protocol."""
