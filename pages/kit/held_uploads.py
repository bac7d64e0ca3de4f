"""Files that Streamlit keeps in memory for its pages: how much memory they take, and freeing one."""

from streamlit.runtime import Runtime, get_instance
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile


def held(session: str) -> tuple[int, int]:
    """The bytes of one session's files, and of all."""
    manager = _manager()
    if manager is None:
        return 0, 0
    files = manager.file_storage
    # Copies, because other threads add to both while this one counts.
    of_session = sum(len(one.data) for one in list(files.get(session, {}).values()))
    return of_session, sum(len(one.data) for each in list(files.values()) for one in list(each.values()))


def free(uploaded: object) -> None:
    """Frees the memory of a file that was copied; otherwise it would stay until the session ends."""
    context = get_script_run_ctx()
    manager = _manager()
    if isinstance(uploaded, UploadedFile) and context is not None and manager is not None:
        manager.remove_file(context.session_id, uploaded.file_id)


def _manager() -> MemoryUploadedFileManager | None:
    """None if no server is running, as in tests of pages."""
    manager = get_instance().uploaded_file_mgr if Runtime.exists() else None
    return manager if isinstance(manager, MemoryUploadedFileManager) else None
