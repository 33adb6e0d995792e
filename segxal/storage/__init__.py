"""What lies on disk: folders, files and tensors, written atomically, read without pickle."""
