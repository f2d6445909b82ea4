"""Changes of configuration text, and where they go.

In come a section of the loaded configuration and a line to add, change or take out; out comes an Edit: file, line, old
and new text, and the changed copy.

    draft           a repair before it is proven
    text_changes    a line in the style of its neighbours, a unified diff, a changed copy
    sql             changes of rows as statements
    place           where a line belongs, and files that a program writes and people must not edit

Imports: `model`, `situation` and `asterisk.config`; `rules` and `repairs` make edits with it, `report` shows them. A
line is what Asterisk reads as one: it ends at a line feed and nowhere else.
"""
