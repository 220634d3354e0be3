"""What units are told once a month: how they stand among each other, and a report for each."""
