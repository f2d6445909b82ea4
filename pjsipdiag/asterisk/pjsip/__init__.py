"""SIP as PJSIP parses and prints it."""
