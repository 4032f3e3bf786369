"""How the files of a colony are written and read."""

from __future__ import annotations

import errno
import json
import os
import stat
import threading
import time
from typing import Any, Dict, List, Mapping, Union

from ncolony import _names

Path = Union[str, "os.PathLike[str]"]

MAX_SPEC = 100 << 10  # bytes; a spec travels in an environment variable
MAX_MESSAGE = 64 << 10  # bytes


def encode(content: Mapping[str, Any], limit: int) -> bytes:
    """Return content as JSON that the supervisor reads: no NaN, no half of a
    surrogate pair, at most limit bytes. What is not so is a ValueError, or a
    TypeError if there is no JSON for it."""
    json.dumps(content, ensure_ascii=False).encode("utf-8")  # fails for half a pair
    encoded = json.dumps(content, allow_nan=False).encode("ascii")
    if len(encoded) > limit:
        raise ValueError(f"{len(encoded)} bytes of JSON, at most {limit}")
    return encoded


def replace(path: str, content: bytes) -> None:
    """Put content at path in one step, on the disk when this returns. The mode of a
    file that is there is kept; what is there and is no regular file stays. The
    OSError names path."""
    temp = os.path.join(os.path.dirname(path), f".tmp-{os.urandom(8).hex()}")
    try:
        mode = _mode(path)
        fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            with open(fd, "wb") as file:
                if mode is not None:
                    os.fchmod(fd, mode)
                file.write(content)
                file.flush()
                os.fsync(fd)
            os.rename(temp, path)
        except BaseException:
            os.unlink(temp)
            raise
    except OSError as err:
        raise OSError(err.errno, err.strerror, path) from err  # without the temporary name


def _mode(path: str) -> Union[int, None]:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", path)
    return stat.S_IMODE(status.st_mode)


def spec_files(config: Path, name: str) -> List[str]:
    """Return the paths below which the spec of a service stands: NAME, NAME.json,
    none, or both, of which the supervisor takes neither."""
    _names.check(name)
    paths = (os.path.join(config, name), os.path.join(config, name + ".json"))
    return [path for path in paths if os.path.lexists(path) and not os.path.isdir(path)]


def write_spec(config: Path, name: str, content: bytes) -> None:
    """Write the spec of a service, where it stands or as NAME."""
    found = spec_files(config, name)
    if len(found) > 1:
        raise FileExistsError(f"{name!r} and {name + '.json'!r} both stand in {os.fspath(config)}")
    replace(found[0] if found else os.path.join(config, name), content)


def remove_spec(config: Path, name: str) -> None:
    """Remove the spec of a service; FileNotFoundError if there is none."""
    for path in spec_files(config, name) or [os.path.join(config, name)]:
        os.unlink(path)


def send(messages: Path, message: Mapping[str, Any]) -> str:
    """Write a message, and return the name of its file, which is also that of its
    result."""
    if "name" in message:
        _names.check_target(message["name"])
    content = encode(message, MAX_MESSAGE)
    file = _message_name()
    replace(os.path.join(messages, file), content)
    return file


_last_sent = 0
_sending = threading.Lock()


def _message_name() -> str:
    """Return a name that sorts behind those that this process has used, since the
    supervisor goes by time and then by name. Two containers have the same pids:
    hence the random part."""
    global _last_sent
    with _sending:
        _last_sent = max(time.time_ns(), _last_sent + 1)
        return f"{_last_sent:019d}-{os.getpid()}-{os.urandom(4).hex()}"


def read(path: str) -> Dict[str, Any]:
    """Return the JSON object in a file."""
    with open(path, "rb") as file:
        content = json.load(file)
    if not isinstance(content, dict):
        raise ValueError(f"read {path}: not an object")
    return content
