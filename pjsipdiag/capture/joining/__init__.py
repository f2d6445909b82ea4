"""Parts of one capture, read by several processes, joined in order."""
