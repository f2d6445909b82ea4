"""Bytes from files: compressed, growing, or looked at through a window.

In comes a path, a URL or a stream; out comes a window over its bytes, in order, with bounded memory.

    location      where a capture lies: the one place that opens them
    compressed    content of compressed files, in bounded memory, up to their damage
    libraries     gzip, zstd, xz and bzip2, each with the memory that it may take
    follow        a file that grows, and the next one when it is rotated
    window        the bytes at hand, refilled as the readers go on
    tcpdump       the program that captures, and its words

Imports: `errors`, `storage`; `formats` and `text` read through it. A compression is a row of the table in
`libraries`: its first bytes, its reader, its limit. Nothing here knows what a packet is.
"""
