"""The services that notifications go to, through Apprise. No address is shown: it is a secret."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from apprise import Apprise, AppriseAsset, AppriseAttachment, PersistentStoreMode
from apprise.attachment.memory import AttachMemory
from apprise.logger import NotifyLogEntry

from apps.raspberry_pi import secret_file
from apps.raspberry_pi.notifications.notification import Notification
from edgevid import UsageError


class Service:
    """One address that notifications go to.

    Args:
        name: what it is called in the log.
        address: Apprise's URL.

    Raises:
        UsageError: Apprise knows no such address.
    """

    def __init__(self, name: str, address: str) -> None:
        _silence()
        self.address = address
        # Nothing of its own on the disk, no thread of its own.
        asset = AppriseAsset(
            app_id="edgevid",
            app_desc="edgevid",
            async_mode=False,
            secure_logging=True,
            storage_mode=PersistentStoreMode.MEMORY,
        )
        try:
            found = Apprise.instantiate(address, asset=asset)
        except Exception as error:  # of any of its many services
            raise UsageError(f"Apprise cannot read the address: {type(error).__name__}") from None
        if found is None:
            raise UsageError(
                "is no address that Apprise knows, such as tgram://TOKEN/CHAT or "
                "mailto://USER:PASSWORD@HOST"
            )
        self._apprise = Apprise(asset=asset)
        self._apprise.add(found)
        self.name = f"{name} ({address.partition(':')[0].lower()})"

    def send(self, told: Notification, *, picture: bool = True) -> str:
        """Sends a notification; returns why it was not taken, empty when it was."""
        attachments = AppriseAttachment()
        if picture and told.picture:
            attachments.add(
                AttachMemory(content=told.picture, name=f"{told.id}.jpg", mimetype="image/jpeg")
            )
        try:
            with closing(
                self._apprise.notify(
                    title=told.title, body=told.body, attach=attachments if attachments else None
                )
            ) as result:
                return "" if result else _reason(result.logs())
        except Exception as error:  # of any of its many services
            return type(error).__name__


def services(urls_file: Path) -> list[Service]:
    """Returns the services in a file: an address a line.

    Raises:
        UsageError: the file cannot be used, or one of its addresses; names the lines.
    """
    found: list[Service] = []
    wrong: list[str] = []
    for number, address in secret_file.lines(urls_file):
        try:
            if any(address == other.address for other in found):
                raise UsageError("is there already")
            found.append(Service(f"{urls_file.name}:{number}", address))
        except UsageError as error:
            wrong.append(f"line {number} {error}")
    if wrong:
        raise UsageError(f"{urls_file}: {'; '.join(wrong)}")
    return found


def _reason(logs: Iterable[NotifyLogEntry]) -> str:
    """Returns why Apprise says that it failed. The rest of such a line may show a secret."""
    said = "did not take it"
    for entry in logs:
        if found := re.search(r"error=(\d{3})\b", entry.message):
            return f"answered {found[1]}"
        if "onnection" in entry.message:
            said = "cannot be reached"
    return said


def _silence() -> None:
    """Has no line of Apprise, or of what it uses, reach the service's log."""
    for name in ("apprise", "urllib3"):
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.setLevel(logging.WARNING)
        if not logger.handlers:  # else Python itself would print them
            logger.addHandler(logging.NullHandler())
