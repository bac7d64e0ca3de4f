"""Where uploaded files and saved results are kept: in the data folder, or in Postgres with all the rest."""

from blnk_api.settings import Settings
from blnk_api.store.database import Store
from blnk_api.store.kept_files.in_folder import FolderFiles
from blnk_api.store.kept_files.in_postgres import PostgresFiles
from blnk_api.store.kept_files.port import RECEIPTS, UPLOADS, Files, Written

__all__ = ["RECEIPTS", "UPLOADS", "Files", "Written", "files_of"]


def files_of(store: Store, settings: Settings) -> Files:
    """Those of this store: one database server for several machines has their files too."""
    if store.is_sqlite:
        return FolderFiles(settings.data_dir)
    return PostgresFiles(store, settings.scratch_dir)
