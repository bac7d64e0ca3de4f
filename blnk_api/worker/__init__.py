"""The processes beside the app: who checks, sends, and tidies up."""
