"""Stores uploaded files and saved results: in the data folder, or in Postgres with everything else."""

from blnk_api.settings import Settings
from blnk_api.store.database import Store
from blnk_api.store.kept_files.in_folder import FolderFiles
from blnk_api.store.kept_files.in_postgres import PostgresFiles
from blnk_api.store.kept_files.interface import RECEIPTS, UPLOADS, Files, Written

__all__ = ["RECEIPTS", "UPLOADS", "Files", "Written", "files_of"]


def files_of(store: Store, settings: Settings) -> Files:
    """The files of this store. With a database server for several machines they are in the database too."""
    if store.is_sqlite:
        return FolderFiles(settings.data_dir)
    return PostgresFiles(store, settings.scratch_dir)
