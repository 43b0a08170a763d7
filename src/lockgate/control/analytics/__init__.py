"""What requests come to: lines over time, groups, sums. All of it is read from roll-ups."""
