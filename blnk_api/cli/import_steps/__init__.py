"""The steps of `import FILE`, from the look-up of its rows to its end."""
