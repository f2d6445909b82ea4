"""What was done to a text on its way is undone, before anybody looks for messages in it.

Law: a text is changed only where its own lines that announce messages, or Asterisk's sentences, show that somebody
changed it. Where one of them stands as Asterisk wrote it, what looks like an escape, a quotation or an object further
on was written by the sender of a message, and stays.

    encoding   characters of 16 or 32 bits -> UTF-8
    objects    objects of JSON, one a line
    order      newest first, torn, files mixed: put in order
    unpack     colours, objects, escapes, marks of web pages off
    wrapping   lines that were broken at a width together again
"""
