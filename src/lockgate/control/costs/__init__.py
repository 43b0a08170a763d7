"""What requests cost: how a cost came about, reports of what was spent, and costs that are computed anew."""
