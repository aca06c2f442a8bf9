"""What a person should look at: one predicate for each kind of alarm, and what is new since it was last written down.

Pure: facts in, records out. `pipeline/state/alarms.py` reads the facts and keeps the records.
"""
