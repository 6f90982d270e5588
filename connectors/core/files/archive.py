"""A folder of files on any filesystem that fsspec knows: this machine, S3 and its like, GCS."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import fsspec
import orjson
from fsspec.implementations.local import LocalFileSystem

from connectors.core.accounts import SourceSettings
from connectors.core.errors import FixConfig, ParleyError, RetryLater
from connectors.core.files.lines import BrokenOffError

OPTIONS = {
    "endpoint_url": "address of an S3-compatible store that is not Amazon's",
    "anon": "true for a public bucket, read without credentials",
    "client_kwargs": 'more for the S3 client, as JSON: {"region_name": "eu-west-1"}',
    "project": "project of a Google Cloud bucket",
}
"""What `options` of a source may hold; all of them go to the filesystem's driver as they are."""

# The first of these that a filesystem tells changes whenever the file does.
_MARKS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "updated", "modified", "created")
# What the drivers call a refusal, where it is no PermissionError.
_REFUSED = ("Credential", "Forbidden", "Auth", "Permission")


@dataclass(frozen=True, slots=True)
class File:
    """A file: its path, its `part` below the archive's root, its size in bytes, its last change."""

    path: str
    part: str
    size: int
    mark: str


class Archive:
    """The folder (or the one file) that a source's settings point at."""

    def __init__(self, settings: SourceSettings, where: str) -> None:
        """Connect; `user` and `password` are an S3 key and its secret, `token` is what GCS wants.

        Raises:
            FixConfig: the URL's protocol is unknown, its driver missing, or an option wrong.
        """
        self._where = where
        url, problem = settings.url.get_secret_value(), ""
        try:
            self._files, root = fsspec.core.url_to_fs(url, **_storage_options(settings))
        except Exception as error:  # noqa: BLE001 - each driver has its own
            problem = type(error).__name__
        if problem:  # outside the handler, so that the chained error does not show the URL
            what = f"the archive's filesystem cannot be opened: {problem}"
            remedy = "Use a path or an fsspec URL and install its driver (parley[s3], parley[gcs])."
            raise FixConfig(what, where, remedy)
        self._root: str = root.rstrip("/")

    def files(self, suffixes: tuple[str, ...]) -> list[File]:
        """The files with these endings at any depth, by name.

        Raises:
            FixConfig: the folder isn't there, or the credentials don't open it.
            RetryLater: it can't be listed just now.
        """
        with self._reaching("the archive cannot be listed"):
            found = self._listed()
        if found is None:
            what = "the archive's folder does not exist"
            raise FixConfig(what, self._where, "Correct the source's url.")
        paths = [path for path in sorted(found) if path.endswith(suffixes)]
        self._refuse_links_out(paths)
        return [self._file(path, found[path]) for path in paths]

    @contextmanager
    def opened(self, file: File) -> Iterator[BinaryIO]:
        """The file's bytes, to be read from any place.

        Raises:
            FixConfig, RetryLater: it can't be read, now or while it is being read.
        """
        reaching = self._reaching(f"file {file.part} cannot be read")
        with reaching, self._files.open(file.path, "rb") as raw:
            yield raw

    def _refuse_links_out(self, paths: list[str]) -> None:
        """Raise `FixConfig` for a file that lies elsewhere: whoever writes here may not choose."""
        if not isinstance(self._files, LocalFileSystem):
            return
        root = os.path.realpath(self._root)
        for path in paths:
            if os.path.commonpath([root, os.path.realpath(path)]) != root:
                what = "a link in the archive's folder leads out of it"
                raise FixConfig(what, self._where, "Take it away, or copy the file there.")

    def _listed(self) -> dict[str, Any] | None:
        """Each file's path and what the filesystem tells of it; None where the place is missing."""
        # A process that lives long would see the listing that it saw first.
        self._files.invalidate_cache()
        # In a bucket a folder is the beginning of names: without files it is empty, not missing.
        if isinstance(self._files, LocalFileSystem) and not self._files.exists(self._root):
            return None
        try:
            found: dict[str, Any] = self._files.find(self._root, detail=True)
        except FileNotFoundError:
            return None
        return found

    def _file(self, path: str, info: dict[str, Any]) -> File:
        part = path.removeprefix(self._root).lstrip("/") or path.rpartition("/")[2]
        mark = next((str(info[name]) for name in _MARKS if info.get(name)), "")
        return File(path, part, int(info["size"] or 0), mark)

    @contextmanager
    def _reaching(self, what: str) -> Iterator[None]:
        try:
            yield
        except (ParleyError, BrokenOffError):
            raise
        except Exception as error:  # noqa: BLE001 - each driver has its own
            names = [kind.__name__ for kind in type(error).__mro__]
        else:
            return
        # Outside the handler: the chained error would show the URL.
        what = f"{what}: {names[0]}"
        if any(refusal in name for name in names for refusal in _REFUSED):
            remedy = "Correct the source's credentials, or give them the right to read this."
            raise FixConfig(what, self._where, remedy)
        raise RetryLater(what, self._where, "Check access to it, then run again.")


def _storage_options(settings: SourceSettings) -> dict[str, Any]:
    """What the driver is called with: true, false and JSON objects as such, all else as text."""
    given = {"key": settings.user, "secret": settings.password, "token": settings.token}
    secrets = {name: value.get_secret_value() for name, value in given.items() if value}
    options = {
        name: orjson.loads(text) if text in ("true", "false") or text[:1] == "{" else text
        for name, text in settings.options.items()
    }
    return options | secrets
