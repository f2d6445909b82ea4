"""Objects that are in the files and not in Asterisk's memory.

In come the groups of calls of a situation, or a configuration alone; out come findings that name the line which keeps a
file, an object or a module from loading, and the calls that it costs.

    rejected_files  files that are rejected as a whole
    absent          modules that are not loaded
    drops           objects that Asterisk drops, misspelt types among them
    dangling        identifies whose endpoint does not exist
    ignored         lines and rows that Asterisk passes over; what a section needs of the machine to load
    placeholders    values that nobody filled in

Imports: the causes, `gaps` for files that were not given, the evidence, and `asterisk`. Why something did not load is a
`Reason` of `asterisk.reasons`; another kind of it needs no line here.
"""
