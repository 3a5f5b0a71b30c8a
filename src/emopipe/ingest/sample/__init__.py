"""Licence-free faces that a seeded program draws: seven expressions of many people, of any number and size.

expressions ─┐
identity ────┼─▶ anatomy (shapes) ─▶ drawing (pixels) ─▶ photo (light, blur, noise) ─▶ generate ─▶ table (FER2013's CSV)
pose ────────┘
"""
