"""A seeded generator of licence-free faces: seven expressions of many people, in any number and size.

expressions ─┐
identity ────┼─▶ anatomy (shapes) ─▶ drawing (pixels) ─▶ photo (light, blur, noise) ─▶ generate ─▶ table (FER2013's CSV)
pose ────────┘
"""
