"""Who someone is: people with passwords, people of an identity provider, their sessions, and tokens that stand for gateway
keys.

Use cases alone: no HTTP framework here. What logs someone in, whatever it is, ends in an `Assertion` (`provision`) or a
password that was right (`login`), and begins a session (`sessions`); SAML would be one more of the former. What manages people
from outside (SCIM) has the functions of `users`.
"""
