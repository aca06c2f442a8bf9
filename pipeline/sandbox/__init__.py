"""Running recipes without trusting them: one module for each way, behind one Protocol."""
