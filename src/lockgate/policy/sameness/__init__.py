"""Whether two texts of users ask the same: pure decisions, for a cache that answers one with what was answered to the other.

`canonical.canonical` gives a text its canonical key: two texts of one key differ in spelling and manners alone. `veto.veto`
says why two texts that look alike must not be answered alike. `verifier.Verifier` weighs what neither can tell. Who may be
compared with whom at all (tenant, model, earlier messages) is decided elsewhere: here are two texts and no more.
"""
