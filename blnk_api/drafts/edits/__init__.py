"""What people change in a draft, in the grid or in a workbook, and how it is applied to the file."""
