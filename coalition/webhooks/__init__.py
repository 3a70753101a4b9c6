"""Webhooks (Standard Webhooks 1.0): partners are called with what happened to their operations.

journal -> shared_journal -> deliver: page by page, one POST at a time for each webhook
                               | message: body, webhook-id, signature (v1a: Ed25519, the hub's key)
                               | post: https, public addresses only (addresses), no redirects
                               v
                 delivered: the positions move on | failed: again after a pause (schedule), the same bytes
"""
