"""What a person sees. Layout and words; everything that decides is in blnk_api."""
