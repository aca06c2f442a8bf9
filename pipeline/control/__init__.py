"""What may be tried now: the operator's switches, circuit breakers, the budget. Pure."""
