"""Comments of Asterisk's configuration files, taken out of one line at a time (main/config.c, config_text_file_load).

`;` starts a comment, `\\;` is a semicolon, `;--` and `--;` enclose a comment over lines and nest. A `--;` that closes
nothing makes the following lines comments until the next `;--`: Asterisk counts below zero, and so does this.
"""

from __future__ import annotations

MOST_NESTED = 128


class Comments:
    """The nesting of block comments from line to line of one include (of all files, where it names several)."""

    def __init__(self) -> None:
        self.depth = 0
        self._opened: list[int] = []
        self._strays: list[int] = []

    @property
    def opened_at(self) -> int:
        """The line on which the innermost open comment begins, or that with the `--;` that closed nothing."""
        return self._opened[self.depth - 1] if self.depth > 0 else self._strays[-1]

    def strip(self, line: bytes, number: int) -> bytes | None:
        """The line without its comments, None when all of it lies inside one.

        :raises ValueError: block comments nest so deep that Asterisk never comes out of the line.
        """
        # Offsets and zero bytes as in the C code, because what a semicolon means depends on where the last look ended.
        text = bytearray(line + b"\0")
        look, kept = 0, None if self.depth else 0
        while (found := text.find(b";", look, text.index(0, look))) >= 0:
            if found > look and text[found - 1] == 0x5C:
                del text[found - 1]
                look = found
            elif text[found + 1 : found + 3] == b"--" and text[found + 3] != 0x2D:
                if self.depth >= MOST_NESTED:
                    raise ValueError(f"Maximum nest limit of {MOST_NESTED} reached.")
                text[found] = 0
                look = found + 3
                self.depth += 1
                self._opened = [*self._opened[: max(self.depth - 1, 0)], number]
            elif found >= look + 2 and text[found - 2 : found] == b"--":
                self.depth -= 1
                if self.depth < 0:
                    self._strays.append(number)
                look = found + 1
                if not self.depth and kept is None:
                    kept = look
                elif not self.depth and kept is not None:
                    end = text.index(0, kept)
                    del text[end:look]
                    look = end
            elif not self.depth:
                text[found] = 0
                look = found
            else:
                look = found + 1
        return None if kept is None else bytes(text[kept : text.index(0, kept)])
