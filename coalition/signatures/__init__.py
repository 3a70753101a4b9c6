"""The one signature profile of the protocol: RFC 9421 messages, RFC 9530 digests, Ed25519. Pure: no IO, no clock."""
