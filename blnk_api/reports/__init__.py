"""What is told of imports in files and figures: results, receipts, months, progress."""
