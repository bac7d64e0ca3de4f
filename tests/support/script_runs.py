"""Whether a run of the page's script that the browser requested has not ended.

The page itself says that a script runs only once the server has begun it: between a click and that moment it
looks as if it were at rest.
"""

from weakref import WeakKeyDictionary

from playwright.sync_api import Page, WebSocket
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

_runs: "WeakKeyDictionary[Page, ScriptRuns]" = WeakKeyDictionary()


class ScriptRuns:
    """What one tab requested, by its WebSocket."""

    def __init__(self) -> None:
        self.page_is_due = False
        self.fragment_is_due = False

    def watch(self, socket: WebSocket) -> None:
        self.page_is_due = self.fragment_is_due = False
        socket.on("framesent", self._sent)
        socket.on("framereceived", self._received)

    def _sent(self, frame: str | bytes) -> None:
        if isinstance(frame, str) or not (message := BackMsg.FromString(frame)).HasField("rerun_script"):
            return
        if message.rerun_script.fragment_id:
            self.fragment_is_due = True
        else:
            self.page_is_due = True

    def _received(self, frame: str | bytes) -> None:
        if isinstance(frame, str) or not (message := ForwardMsg.FromString(frame)).HasField(
            "script_finished"
        ):
            return
        match message.script_finished:
            case ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY:
                self.fragment_is_due = False
            case ForwardMsg.FINISHED_SUCCESSFULLY | ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                self.page_is_due = self.fragment_is_due = False


def watch(page: Page) -> None:
    """From now on; called before the tab opens its first address."""
    runs = _runs[page] = ScriptRuns()
    page.on("websocket", runs.watch)


def are_due(page: Page) -> bool:
    """Also False for a tab that is not watched."""
    runs = _runs.get(page)
    return runs is not None and (runs.page_is_due or runs.fragment_is_due)
