"""The governed benchmark: what a request costs through each gateway, side by side, on one machine in one run."""
