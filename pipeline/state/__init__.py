"""The durable state on disk: control file, queue, journal, ledger, metrics."""
