"""What people run by default: pinned versions, compression on, varied documents."""
