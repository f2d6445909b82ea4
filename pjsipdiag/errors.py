"""What a user can be told: one line with what is wrong, where, and what to do.

Every error that input can cause is one of these; the command line prints it and exits with status 2.
"""

from __future__ import annotations


class PjsipdiagError(Exception):
    """The input or the request cannot be used; the text is one line for the user."""


class CaptureError(PjsipdiagError):
    """A capture cannot be read at all (what can be read in part is read, and said)."""


class ConfigError(PjsipdiagError):
    """The configuration cannot be read at all: a missing directory, no pjsip.conf, a file without permission."""
