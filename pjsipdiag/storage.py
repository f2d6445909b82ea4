"""Files that lie elsewhere: what fsspec can open by a URL (`s3://`, `sftp://`, `https://` and others), read in pieces.

Who may read them is known from the environment and from the storage's own files (~/.aws, ~/.ssh, ~/.netrc), never from
the URL; what is shown of a URL has no query, where signatures stand. `file://` is a path of this machine.
"""

from __future__ import annotations

import errno
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from pjsipdiag.dataclass import NamedTuple
from pjsipdiag.errors import LONGEST_REASON, PjsipdiagError, visible
from pjsipdiag.inputs import LARGEST_WHOLE

if TYPE_CHECKING:
    from concurrent.futures import Future

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
SMALLEST_READ, LARGEST_READ = 1 << 16, 8 << 20
"""Bytes that are asked for at once: more and more, while reading goes on in order."""
GROWTH = 4
CONNECT_SECONDS, SILENCE = 10, 60
"""Seconds in which a connection is made, and in which something comes out of it."""
NOT_FOUND = 404


class Url(str):
    """A URL as it may be shown; `whole` is what is opened."""

    __slots__ = ("whole",)
    whole: str

    def __new__(cls, whole: str) -> Url:
        found, query, _ = whole.partition("?")
        self = super().__new__(cls, f"{found}?..." if query else found)
        self.whole = whole
        return self

    def __str__(self) -> Url:
        return self

    def __getnewargs__(self) -> tuple[str]:
        return (self.whole,)


class Entry(NamedTuple):
    """A file or folder of a storage; `version` changes with its content, as far as the storage tells."""

    is_folder: bool
    size: int | None = None
    """Bytes; None where the storage does not say."""
    modified: int = 0
    """Nanoseconds since 1970; 0 where the storage does not say."""
    version: int = 0


def locate(path: str) -> str:
    """A path of this machine, or a Url.

    :raises PjsipdiagError: the URL holds credentials, or is of no use.
    """
    scheme = None if isinstance(path, Url) else SCHEME.match(path)
    if scheme is None:
        return path
    name, place = scheme[1].lower(), path[scheme.end() :]
    if name == "file":
        host, slash, below = place.partition("/")
        if host not in ("", "localhost"):
            raise PjsipdiagError(f"{visible(path)}: a file:// URL names this machine: file:///PATH")
        return unquote(slash + below)
    user, at, rest = place.partition("/")[0].rpartition("@")
    if at and (":" in user or name not in _OF_SSH):
        raise PjsipdiagError(
            f"{visible(f'{name}://{rest}')}: leave credentials out of the URL: they come from the environment or the "
            "storage's own files (~/.aws/credentials, ~/.ssh/config, ~/.netrc)"
        )
    return Url(f"{name}://{place}")


def entry(url: Url) -> Entry:
    """Asks the storage about a file or folder.

    :raises OSError: it is not there, or cannot be asked; `strerror` says so.
    """
    with _in_one_line():
        files, path = _storage(url)
        return _entry(url, files.info(path))


def entries(url: Url) -> Sequence[str]:
    """The names of what lies in a folder. Raises OSError as `entry`."""
    with _in_one_line():
        files, path = _storage(url)
        names = [name for name, _ in _below(url, files.ls(path, detail=True))]
        return [*map(unquote, names)] if _over_http(url) else names


def members(url: Url) -> Sequence[Url] | None:
    """The files of a folder or pattern in the order of their names; None for a file. Raises OSError as `entry`."""
    with _in_one_line():
        files, path = _storage(url)
        if re.search(r"[*[]" if _over_http(url) else r"[*?[]", path):
            found = sorted(files.glob(path))
            return [Url(_head(url, path) + name) for name in found if not name.endswith("/") and not files.isdir(name)]
        if not _entry(url, files.info(path)).is_folder:
            return None
        below = _below(url, files.ls(path, detail=True))
        return [Url(f"{url.rstrip('/')}/{name}") for name, is_file in sorted(below) if is_file]


def read_url(url: Url) -> bytes:
    """A small file whole, of at most one byte more than LARGEST_WHOLE. Raises OSError as `entry`."""
    with open_url(url) as file:
        parts: list[bytes] = []
        left = LARGEST_WHOLE + 1
        while left and (part := file.read(min(left, LARGEST_READ))):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)


def open_url(url: Url, start: int = 0, end: int | None = None) -> Remote:
    """The file, at the byte `start`; nothing behind `end` is asked for. Raises OSError as `entry`."""
    with _in_one_line():
        files, path = _storage(url)
        found = Remote(partial(files.open, path, "rb", cache_type="none"), end)
    found.seek(start)
    return found


class Remote(io.RawIOBase):
    """A file that is read piece by piece, the next one ahead of its use: two pieces are in memory at most."""

    def __init__(self, begin: Callable[..., Any], end: int | None) -> None:
        super().__init__()
        from concurrent.futures import ThreadPoolExecutor  # with logging and queues, which few runs need

        self._begin, self._end = begin, end
        self._file = begin()
        self._pool = ThreadPoolExecutor(1)
        self._now, self._at, self._size = memoryview(b""), 0, SMALLEST_READ
        self._ahead: Future[bytes] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("only from the start")
        if offset != self._at:
            self._forget()
            self._now, self._at, self._size = memoryview(b""), offset, SMALLEST_READ
        return offset

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub has a private buffer type
        if not self._now:
            ahead, self._ahead = self._ahead, None
            with _in_one_line():
                self._now = memoryview(ahead.result() if ahead else self._fetch(self._at, self._size))
            # Only once a second piece was wanted is the next one fetched ahead of its use: many read no more than the
            # head of a file, to learn its format.
            if self._size > SMALLEST_READ and self._now:
                self._ahead = self._pool.submit(self._fetch, self._at + len(self._now), self._size)
            self._size = min(self._size * GROWTH, LARGEST_READ)
        size = min(len(buffer), len(self._now))
        buffer[:size], self._now = self._now[:size], self._now[size:]
        self._at += size
        return size

    def close(self) -> None:
        if not self.closed:
            self._forget()
            self._pool.shutdown()
            with suppress(Exception):  # it was only read
                self._file.close()
        super().close()

    def _forget(self) -> None:
        """Waits for what was asked for and is not wanted any more."""
        if self._ahead is not None:
            self._ahead.cancel()
            with suppress(Exception):
                self._ahead.result()
            self._ahead = None

    def _fetch(self, at: int, size: int) -> bytes:
        size = size if self._end is None else min(size, self._end - at)
        if size <= 0:
            return b""
        try:
            if self._file.tell() != at:
                self._file.seek(at)
            return bytes(self._file.read(size))
        except ValueError:  # a web server that gives files as a whole only
            if at > LARGEST_READ:
                raise OSError(errno.ESPIPE, "the server gives files as a whole only") from None
            self._file.close()
            self._file = self._begin(block_size=0)
            while (left := at - self._file.tell()) > 0 and self._file.read(min(left, size)):
                pass
            return bytes(self._file.read(size))


def _storage(url: Url) -> tuple[Any, str]:
    """The client that asks the storage, and the storage's own name for the file."""
    import fsspec

    name = url.whole.partition("://")[0]
    kind = import_module("sshfs").SSHFileSystem if name in _OF_SSH else fsspec.get_filesystem_class(name)
    options = _OPTIONS.get(name, dict)()
    return kind(**kind._get_kwargs_from_urls(url.whole), **options), kind._strip_protocol(url.whole)


def _of_s3() -> dict[str, Any]:
    limits = {"connect_timeout": CONNECT_SECONDS, "read_timeout": SILENCE}
    return {"use_listings_cache": False, "config_kwargs": limits}


def _of_web() -> dict[str, Any]:
    """Proxies and ~/.netrc are heeded; what a server compressed stays as it is, for its places are of that."""
    from aiohttp import ClientTimeout

    limits = ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE)
    return {
        "client_kwargs": {
            "trust_env": True,
            "timeout": limits,
            "auto_decompress": False,
            "headers": {"Accept-Encoding": "identity"},
        }
    }


def _of_ssh() -> dict[str, Any]:
    """~/.ssh/config counts, and so does ~/.ssh/known_hosts, which sshfs would not ask."""
    return {"known_hosts": (), "connect_timeout": CONNECT_SECONDS, "login_timeout": CONNECT_SECONDS}


_OF_SSH = ("sftp", "ssh")
_OPTIONS = {"s3": _of_s3, "s3a": _of_s3, "http": _of_web, "https": _of_web, "sftp": _of_ssh, "ssh": _of_ssh}


def _over_http(url: Url) -> bool:
    return url.startswith(("http://", "https://"))


def _head(url: Url, path: str) -> str:
    """The part of the URL before the storage's own name."""
    whole = url.whole.rstrip("/")
    return whole.removesuffix(path.rstrip("/"))


def _entry(url: Url, info: Mapping[str, Any]) -> Entry:
    if _over_http(url):  # which knows no folders
        return Entry(urlsplit(url.whole).path.endswith("/"), info.get("size"), *_changes(info))
    return Entry(info.get("type") == "directory", info.get("size"), *_changes(info))


def _changes(info: Mapping[str, Any]) -> tuple[int, int]:
    when = info.get("mtime") or info.get("LastModified") or info.get("Last-Modified") or info.get("last_modified") or 0
    if isinstance(when, str):
        from email.utils import parsedate_to_datetime  # with much that few runs need

        try:
            when = parsedate_to_datetime(when)
        except ValueError:
            when = 0
    seconds = when.timestamp() if isinstance(when, datetime) else float(when)
    said = [str(info[name]) for name in ("ETag", "etag", "VersionId", "Content-MD5", "md5Hash") if info.get(name)]
    return int(seconds * 1e9), zlib.crc32("\n".join(said).encode("utf-8", "replace"))


def _below(url: Url, listed: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, bool]]:
    """(name, whether it is a file) of what lies in a folder, of what the storage lists."""
    for info in listed:
        own = str(info["name"])
        name = own.rstrip("/").rpartition("/")[2]
        if _over_http(url) and (urlsplit(own).query or own.rstrip("/").rpartition("/")[0] != url.rstrip("/")):
            continue  # a page has other links, too
        if name and name not in (".", ".."):
            yield name, info.get("type") in ("file", "link")


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Turns what each library raises into an OSError with a reason of one line, without credentials."""
    try:
        yield
    except FileNotFoundError as error:
        cause = error.__cause__  # of the web, all that goes wrong
        if cause is None or isinstance(cause, FileNotFoundError) or getattr(cause, "status", 0) == NOT_FOUND:
            raise FileNotFoundError(errno.ENOENT, "there is no such file") from None
        raise OSError(errno.EIO, _reason(cause)) from None
    except ImportError as error:
        reason = f"{error.name or error} is not here: pip install '.[storage]' in a checkout"
        raise OSError(errno.EPROTONOSUPPORT, reason) from None
    except Exception as error:
        number = errno.EACCES if isinstance(error, PermissionError) else errno.EIO
        raise OSError(number, _reason(error)) from None


def _reason(error: BaseException) -> str:
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    text = re.sub(r"(//)[^/@\s]*@", r"\1", re.sub(r"\?[^\s'\")]+", "?...", " ".join(str(said).split())))
    return visible(text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}...")
