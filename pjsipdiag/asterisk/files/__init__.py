"""The files of /etc/asterisk read as text: lines, comments, includes, templates, sections."""
