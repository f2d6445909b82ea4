"""Undoes what was done to a text on its way, before anybody looks for messages in it.

Law: a text is changed only where its own lines that announce messages, or Asterisk's sentences, show that somebody
changed it. Where one of them stands as Asterisk wrote it, what looks like an escape, a quotation or an object further
on was written by the sender of a message, and stays.

    encoding        characters of 16 or 32 bits -> UTF-8; transfer: percent signs, lengths before messages
    shown           lines as Asterisk writes them
    json_entries    JSON, one object a line or a whole document
    documents       files that are JSON or a mail; exports: messages with their addresses in fields beside them
    line_order      newest first, torn, files mixed: put in order
    csv_columns     fields of tables; escapes: line ends written as text; pages: web pages, Markdown, typographic signs
    unpack          all of these taken off, in the order in which they were put on
    wrapping        lines that were broken at a width together again
"""
