"""Upstream clients: the only outgoing sockets of the house, and the policy that says where they may go."""
