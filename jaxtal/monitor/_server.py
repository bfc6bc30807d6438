"""A server of one page for this machine alone, in a thread of its own."""

import asyncio
import contextlib
import logging
import secrets
import socket
import threading
import urllib.parse
from collections.abc import Callable
from typing import Any

from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.resources import Resources
from bokeh.server.connection import ServerConnection
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from bokeh.server.views.static_handler import StaticHandler
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop

#: Where it listens: a program on another machine cannot connect.
HOST = "127.0.0.1"
#: Seconds that its thread is waited for.
_PATIENCE = 5.0


class _Connection(ServerConnection):
    """Sends all that has changed in one turn of the loop in one message.

    Bokeh sends one for each change, goes through the whole document for each, and the browser lays
    out the page after each.
    """

    def __init__(self, *arguments: Any):
        super().__init__(*arguments)
        self._changes: list[Any] = []

    def send_patch_document(self, event: Any) -> Any:
        """Take a change; what is returned is awaited when the turn is over."""
        self._changes.append(event)
        return self._send()

    async def _send(self) -> None:
        changes, self._changes = self._changes, []
        if changes:
            await self._socket.send_message(self.protocol.create("PATCH-DOC", changes))


class _Tornado(BokehTornado):
    """Scripts and styles come from here, whatever the environment says: no page needs a network."""

    def new_connection(self, *arguments: Any) -> ServerConnection:
        made = _Connection(*arguments)
        self._clients.add(made)
        return made

    def resources(self, absolute_url: str | bool | None = None) -> Resources:
        base = self._absolute_url if absolute_url is True else absolute_url or "/"
        root = urllib.parse.urljoin(base or "/", self._prefix)
        return Resources(mode="server", root_url=root, path_versioner=StaticHandler.append_version)


class Server:
    """Serves a document at an address that nobody can guess.

    Everything, scripts and websocket included, is below a random token; other origins are refused.

    Attributes:
        address: of the page.
        port: where it listens.
    """

    def __init__(self, page: Callable[[Any], None], port: int = 0):
        """Bind, and serve.

        Args:
            page: fills a bokeh document, one for each tab.
            port: 0 for any that is free.

        Raises:
            ValueError: the port is taken, or may not be used.
        """
        try:
            bound = socket.create_server((HOST, port), backlog=128)
        except OSError as error:
            text = error.strerror or str(error)
            raise ValueError(f"port: expected one that is free, got {port} ({text})") from error
        bound.setblocking(False)
        self.port = bound.getsockname()[1]
        token = secrets.token_urlsafe(24)
        self.address = f"http://{HOST}:{self.port}/{token}/"
        self._loop: Any = None
        self._server: Any = None
        begun = threading.Event()
        arguments = (page, bound, token, begun)
        self._thread = threading.Thread(target=self._serve, args=arguments, daemon=True)
        self._thread.start()
        begun.wait(_PATIENCE)

    def _serve(
        self, page: Callable[[Any], None], bound: Any, token: str, begun: threading.Event
    ) -> None:
        asyncio.set_event_loop(asyncio.new_event_loop())
        loop = IOLoop.current()
        origins = [f"{HOST}:{self.port}", f"localhost:{self.port}"]
        tornado = _Tornado(
            {"/": Application(FunctionHandler(page))},
            prefix=token,
            extra_websocket_origins=origins,
            # A closed tab is forgotten soon, but not one that loads scripts slowly.
            check_unused_sessions_milliseconds=2000,
            unused_session_lifetime_milliseconds=15000,
            # Neither a wrong address nor a tab that goes is news for a terminal.
            log_function=lambda handler: None,
        )
        logging.getLogger("bokeh.server.views.ws").setLevel(logging.ERROR)
        http = HTTPServer(tornado)
        http.add_socket(bound)
        server = BaseServer(loop, tornado, http)
        server.start()
        self._loop, self._server = loop, server
        loop.add_callback(begun.set)
        try:
            loop.start()
        finally:
            with contextlib.suppress(Exception):
                loop.close(all_fds=True)

    @property
    def alive(self) -> bool:
        """Whether it serves."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Serve no longer."""
        if self._loop is None or not self._thread.is_alive():
            return

        async def end() -> None:
            with contextlib.suppress(Exception):
                self._server.stop()
            self._loop.stop()

        self._loop.add_callback(end)
        self._thread.join(_PATIENCE)
