"""A page on which captures, logs and configuration are dropped, and that shows the report: for whom has no shell.

Everything happens in the browser, by this package unchanged (Pyodide, CPython in WebAssembly). Nothing leaves it: the
page's content security policy allows requests for its own files only, also to the worker that Python runs in.

    build       the folder, from `pyodide` of npm's registry, wheels and `static`
    serve       the folder on the loopback address
    dropped     what was dropped becomes a report; this runs in the browser
    static/     the page itself: HTML, style, script, and the worker's script

Imports: `handover`, `report` and what stands below; only `cli` stands above. A further file that the page needs is a
line of `build`; a further kind of input is one of `dropped`.
"""
