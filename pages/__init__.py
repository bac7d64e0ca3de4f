"""What people see: layout and words. All decisions are made in blnk_api."""
