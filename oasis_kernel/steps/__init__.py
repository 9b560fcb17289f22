"""One chunk of events through: ground-up, insured, reinsured, summarised."""
